"""The training and the tuning step of a hyper-batch ensemble, and `compile` and `fit` around them.

Axes: K members, n examples of this replica, P columns of hyperparameters.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops, tree

from keras_hparam import distribute, errors
from keras_hparam.ensembles import draws, replicas, tuning_data
from keras_hparam.ensembles.bounds_history import BoundsHistory, StopOnDivergence
from keras_hparam.ensembles.member_losses import MemberLosses
from keras_hparam.ensembles.options import TrainingOptions

_TRAINING, _TUNING = 0, 1  # streams of random numbers


class TrainingSteps:
    """A part of `HyperBatchEnsemble`: what happens in `compile` and `fit`. The rest of it says what comes out."""

    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, **kwargs):
        """As `keras.Model.compile`, with what the ensemble adds.

        Args:
            optimizer, loss, loss_weights, metrics: as in Keras. Metrics see the ensemble's output.
            **kwargs: `member_metrics`, `loss_of`, `tuning_loss_of`, `tuning_optimizer`, `tuning_every`,
                `tuning_batch_size`, `entropy_weight` and `entropy_of`, see `TrainingOptions`; all others go to Keras.

        Raises:
            InvalidArgumentError: for options or losses that do not fit.
        """
        self.options, rest = TrainingOptions.split(kwargs)
        if loss is not None:
            self.losses_of_members = MemberLosses(loss, loss_weights, self.output_names, self.columns)
            self.output_kinds = tuple(self.losses_of_members.kinds)
        super().compile(optimizer=optimizer, loss=loss, loss_weights=loss_weights, metrics=metrics, **rest)
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)  # built in the first step, it would be traced twice
        self.tuning_optimizer, self.tuning_function = None, None
        if self.bounds is not None:
            self.tuning_optimizer = self.options.tuning_optimizer
            self.tuning_optimizer.build([self.bounds.log_bounds])
        for name in ("optimizer", "tuning_optimizer"):
            replicas.require_strategy(name, getattr(self, name), self.distribute_strategy)

    @property
    def metrics(self):
        """Keras' metrics, and those of the members."""
        return [*super().metrics, *(self.options.member_metrics if self.options is not None else ())]

    def fit(self, x=None, y=None, *, tuning_data=None, tuning_split=0.05, sample_weight=None, callbacks=None, **kwargs):
        """As `keras.Model.fit`, with held-out data that tunes the hyperparameters.

        Args:
            x, y, sample_weight, callbacks, **kwargs: as in Keras.
            tuning_data: (x, y), (x, y, sample_weight) or a finite `tf.data.Dataset` of batches; kept in memory. None
                holds out a part of the training data, and says so.
            tuning_split: share of the training data that is held out where `tuning_data` is None, in (0, 1).

        Returns:
            The `keras.callbacks.History`; its `history` also has the bounds of each member after each epoch, under
            "<hyperparameter>/member_<k>/lower" and ".../upper".

        Raises:
            InvalidArgumentError: if tuning data cannot be taken, or do not fit.
        """
        if getattr(self, "losses_of_members", None) is None:
            raise errors.InvalidArgumentError("Expected a model that is compiled with a `loss`. Received: none.")
        x, y, sample_weight = self.set_tuning_data(
            x, y, sample_weight, tuning_data, tuning_split, kwargs.get("batch_size")
        )
        self._build_metrics(x, y)
        bounds_history = BoundsHistory()
        callbacks = [] if callbacks is None else callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        callbacks = [*callbacks, bounds_history, StopOnDivergence()]
        history = super().fit(x, y, sample_weight=sample_weight, callbacks=callbacks, **kwargs)
        history.history.update(bounds_history.history)
        return history

    def _build_metrics(self, x, y):
        """Makes the variables of Keras' metrics where the data say their shapes: made in the first step, it would be
        traced twice. Under a strategy, Keras does so."""
        if self._distribute_strategy is not None or self._compile_metrics is None or self._compile_metrics.built:
            return
        if isinstance(x, tf.data.Dataset):
            _, y, _ = keras.utils.unpack_x_y_sample_weight(x.element_spec)
        parts, kinds = tree.flatten(y), np.ndarray | tf.Tensor | tf.TensorSpec
        if all(isinstance(part, kinds) and tf.TensorShape(part.shape).rank for part in parts):
            known = tree.map_structure(lambda part: keras.KerasTensor((None, *part.shape[1:]), part.dtype), y)
            self._compile_metrics.build(known, self.output_specs)

    def set_tuning_data(self, x, y, sample_weight, data, share, batch_size):
        """Keeps the tuning data, taken from the training data where there are none; gives the training data back."""
        if self.bounds is None:
            return x, y, sample_weight
        self.tuning_batch_size = self.options.tuning_batch_size or batch_size or tuning_data.batch_size_of(x)
        if data is None:
            (x, y, sample_weight), data = tuning_data.hold_out(x, y, sample_weight, share, self.seed)
        self.tuning_tensors = tuning_data.tensors(data)
        return x, y, sample_weight

    def train_step(self, data):
        """One step of descent on a batch, as Keras calls it: the metrics."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        loss, share, members = self.update(x, y, sample_weight)
        self._loss_tracker.update_state(loss / share, sample_weight=tf.shape(tree.flatten(x)[0])[0])
        return self._update_metrics(x, y, members, sample_weight)

    def update(self, x, y, sample_weight=None):
        """One step of descent on a batch, or on this replica's part of one.

        Args:
            x, y, sample_weight: as in Keras, tensors [n, …].

        Returns:
            (loss, share, members): this replica's addend to the loss of the global batch, its share of the examples,
            and the members' outputs [K, n, …].
        """
        examples = tf.shape(tree.flatten(x)[0])[0]
        uniform = self._uniform(self.optimizer.iterations, examples, _TRAINING)
        share = replicas.share_of_global_batch(examples)
        with tf.GradientTape() as tape:
            members, values = self.run(x, training=True, uniform=uniform)
            losses = self.losses_of_members(y, tree.flatten(members), values, self.options.loss_of)
            loss = share * (_weighted_mean(losses, sample_weight) + sum(self.losses, 0.0))
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_variables
        gradients = distribute.gate_gradients(tape.gradient(scaled, weights), loss, members)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss, share, members

    def test_step(self, data):
        """The metrics of a batch: the loss of the ensemble's output, without penalties and label smoothing."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        members, _ = self.run(x, training=False)
        if self.losses_of_members is not None:
            losses = self.losses_of_members(y, tree.flatten(members), None, "ensemble")
            examples = tf.shape(tree.flatten(x)[0])[0]
            self._loss_tracker.update_state(_weighted_mean(losses, sample_weight), sample_weight=examples)
        return self._update_metrics(x, y, members, sample_weight)

    def tuning_step(self, data):
        """Moves the bounds by the gradient of the held-out loss − entropy_weight · entropy; a gradient that is not
        finite is left out.

        Args:
            data: (x, y) or (x, y, sample_weight) of tensors, of which a random batch is used.

        Returns:
            The loss, a scalar.
        """
        step = self.tuning_optimizer.iterations
        drawn = draws.batch(data, self.seed, step, self.tuning_batch_size)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(drawn)
        uniform = self._uniform(step, tf.shape(tree.flatten(x)[0])[0], _TUNING)
        log_bounds = self.bounds.log_bounds
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(log_bounds.value)
            members, _ = self.run(x, training=False, uniform=uniform)
            losses = self.losses_of_members(y, tree.flatten(members), None, self.options.tuning_loss_of)
            entropy = self.options.entropy_weight * self.bounds.entropy(self.options.entropy_of)
            loss = (_weighted_mean(losses, sample_weight) - entropy) / replicas.replica()[0]
        gradient = tape.gradient(loss, log_bounds.value)
        finite = tf.reduce_all(tf.math.is_finite(gradient))
        gradients = [tf.where(finite, gradient, tf.zeros_like(gradient))]
        self.tuning_optimizer.apply(distribute.gate_gradients(gradients, loss), [log_bounds])
        return loss

    def make_train_function(self, force=False):
        """Keras' function of a training step, followed by a tuning step after every `tuning_every` of them."""
        if self.train_function is not None and not force:
            return
        super().make_train_function(force)
        if self.bounds is None:
            return
        train, every = self.train_function, self.options.tuning_every

        def train_and_tune(iterator):
            if self.tuning_tensors is None:
                raise errors.InvalidArgumentError(
                    "Expected tuning data, as `fit` takes them; before `train_on_batch`, `set_tuning_data` keeps them. "
                    "Received: none."
                )
            before = int(ops.convert_to_numpy(self.optimizer.iterations))
            logs = train(iterator)
            after = int(ops.convert_to_numpy(self.optimizer.iterations))
            for _ in range(after // every - before // every):
                self.tune()
            return logs

        self.train_function = train_and_tune

    def tune(self):
        """One tuning step on the held-out data that `fit` keeps, on all replicas."""
        if self.tuning_function is None:

            def step(data):
                return self.distribute_strategy.run(self.tuning_step, args=(data,))

            self.tuning_function = (
                step if self.run_eagerly else tf.function(step, jit_compile=self.jit_compile, autograph=False)
            )
        self.tuning_function(self.tuning_tensors)

    def _uniform(self, step, examples, stream):
        if self.bounds is None:
            return None
        return draws.uniform(self.seed, step, (self.ensemble_size, examples, len(self.columns)), stream)

    def _update_metrics(self, x, y, members, sample_weight):
        for metric in self.options.member_metrics:
            first = ops.moveaxis(tree.flatten(members)[0], 0, 1)  # [n, K, …]
            metric.update_state(tree.flatten(y)[0], first, sample_weight=sample_weight)
        return self.compute_metrics(x, y, self.combine(members), sample_weight=sample_weight)


def _weighted_mean(losses, sample_weight):
    """Mean over members and examples of losses [K, n] or [n], weighted by the examples' [n]."""
    weights = 1.0 if sample_weight is None else ops.reshape(ops.cast(sample_weight, losses.dtype), (-1,))
    return ops.mean(losses * weights)
