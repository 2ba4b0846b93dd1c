"""What every ensemble predicts beside its output: that of each member, and how uncertain they are together.

Axes: K members, n examples.
"""

import keras
import numpy as np
from keras import ops, tree

from keras_hparam.ensembles import uncertainties


class MemberPredictions:
    """Methods of a `keras.Model` that is an ensemble.

    The model has a method `members(inputs, training=False)` that gives the members' outputs [n, K, …] (or a structure
    of these), and an attribute `output_kind`, one of `outputs.OUTPUT_KINDS`, of the first output.

    Attributes:
        member_weights: [K] numbers >= 0 that sum to 1, or None for equal ones.

    Example:

    ```python
    class Ensemble(MemberPredictions, keras.Model):
        output_kind = "point"

        def members(self, inputs, training=False):
            return keras.ops.stack([inputs, 2.0 * inputs], axis=1)
    ```
    """

    member_weights = None

    def predict_members(self, x, batch_size=None, verbose=0, steps=None):
        """The output of each member.

        Args:
            x: what `predict` takes: arrays [n, …] (also in a list or dict), a `tf.data.Dataset`, a `PyDataset`.
            batch_size: int >= 1, examples at a time, 32 by default; not with datasets, which have batches.
            verbose: as of `predict`.
            steps: int, the most batches, or None for all.

        Returns:
            NumPy array [K, n, …], or a structure of these for several outputs.

        Example:
            >>> ensemble.predict_members(x).shape
            (4, 1000, 10)
        """
        predict = getattr(self, "_predict_members", None)
        if predict is None:  # a method is kept, not the model it belongs to: that is no part of this one
            predict = self._predict_members = _MembersModel(self).predict
        members = predict(x, batch_size=batch_size, verbose=verbose, steps=steps)  # [n, K, …]
        return tree.map_structure(lambda one: np.moveaxis(one, 1, 0), members)

    def uncertainty(self, x, measure="predictive_entropy", classes=None, batch_size=None, verbose=0, steps=None):
        """How uncertain the ensemble is about each example; larger is more uncertain.

        Args:
            x: inputs, as of `predict_members`.
            measure: for classes "predictive_entropy", "mutual_information", "kl_to_mean", "score_range" or "variance";
                for Gaussian outputs "total_variance", "variance" or "aleatoric_variance"; for points "variance". See
                `uncertainties.measure`.
            classes: list of int, the classes whose scores "score_range" compares; None for all.
            batch_size, verbose, steps: as of `predict_members`.

        Returns:
            NumPy array [n]; of the first output, where there are several.

        Raises:
            InvalidArgumentError: if the kind of output lacks the measure, or a class does not exist.

        Example:
            >>> ensemble.uncertainty(x, "score_range", classes=[2, 3]).shape
            (1000,)
        """
        uncertainties.check_measure(self.output_kind, measure, classes)
        members = tree.flatten(self.predict_members(x, batch_size, verbose, steps))[0]
        found = uncertainties.measure(members, self.output_kind, measure, classes, self.member_weights)
        return ops.convert_to_numpy(found)


class _MembersModel(keras.Model):
    """An ensemble whose output is that of its members, [n, K, …]: Keras compiles it, and predicts in batches."""

    def __init__(self, ensemble):
        super().__init__(name="members")
        self.ensemble = ensemble

    def build(self, input_shape):
        self.built = True  # it has no variables of its own

    def call(self, inputs):
        return self.ensemble.members(inputs, training=False)
