"""What optimizers are trained on: families of tasks, one task, and mixtures of families.

Axes: M candidates for the optimizer's parameters, B instances of a batch, … the shape of one parameter of a task.
"""

import numpy as np
from keras import ops

from keras_hparam import errors


class TaskFamily:
    """Tasks of one kind, of equal shapes, so that all candidates run on a batch of them in one compiled program.

    A subclass gives `sample` and `loss`, and where the defaults do not fit `final_loss` and `normalize`. The loss has
    to be a pure function of tensors, made of `keras.ops`: a step's minibatch follows from the instance and the step.

    Attributes:
        name: str, tells families apart in logs and checkpoints.
        floor: float > 0, share of the reference below which a loss counts as reached, see `relative_log`.
        lengths: (low, high) of the inner steps of its trajectories, or None: those of the meta-training.
        meta_batch_size: int, its instances in a meta-step, or None: that of the meta-training.

    Example:

    ```python
    class Parabola(TaskFamily):
        name = "parabola"

        def sample(self, rng, batch_size):
            start = rng.normal(size=(batch_size, 2)).astype("float32")
            return {"parameters": [start], "reference": np.square(start).sum(-1)}

        def loss(self, parameters, instances, step):
            return ops.sum(ops.square(parameters[0]), axis=-1)
    ```
    """

    name = "tasks"
    floor = 1e-2
    lengths = None
    meta_batch_size = None

    def sample(self, rng, batch_size):
        """Instances: dict of (lists of) arrays with the leading axis B.

        Among them "parameters", the list of the initial values [B, …], and for the default `normalize` "reference" [B].

        Args:
            rng: `numpy.random.Generator`.
            batch_size: int, B.
        """
        raise NotImplementedError

    def loss(self, parameters, instances, step):
        """The losses [M, B] that the optimizer sees and whose gradients it gets.

        Args:
            parameters: list of tensors [M, B, …].
            instances: as of `sample`, of tensors.
            step: int32 scalar, from 0.
        """
        raise NotImplementedError

    def final_loss(self, parameters, instances):
        """What counts at the end of a trajectory [M, B]; by default the loss of step 0."""
        return self.loss(parameters, instances, ops.convert_to_tensor(0, dtype="int32"))

    def normalize(self, losses, instances):
        """Losses [M, B] such that those of different tasks can be compared and averaged; finite for any finite loss."""
        return relative_log(losses, instances["reference"], self.floor)


def relative_log(losses, reference, floor=1e-2, cap=3.0):
    """log of a loss relative to a reference: 0 at the reference, bounded on both sides.

    log((loss + floor·reference) / ((1 + floor)·reference)), and above 0 bent to at most `cap`, still increasing.

    Args:
        losses: float [M, B]; below 0 counts as 0.
        reference: float [B] > 0, such as the initial losses.
        floor: float > 0; the lowest value is log(floor / (1 + floor)).
        cap: float > 0.

    Example:
        >>> relative_log([[2.0, 0.2]], [2.0, 2.0], floor=0.1)
        [[0.0, -1.70]]
    """
    reference = ops.maximum(reference, 1e-30)
    ratio = (ops.maximum(losses, 0.0) / reference + floor) / (1.0 + floor)
    value = ops.log(ratio)
    return ops.where(value > 0, cap * ops.tanh(value / cap), value)


class Task(TaskFamily):
    """A family of the same instances whenever it is sampled, such as one function.

    Args:
        family: `TaskFamily` that they are of.
        seed: int >= 0, of the instances.

    Raises:
        InvalidArgumentError: if `family` is none.

    Example:

    ```python
    task = Task(functions.Rastrigin(dimension=2), seed=3)
    ```
    """

    def __init__(self, family, seed=0):
        if not isinstance(family, TaskFamily):
            raise errors.InvalidArgumentError(f"Expected `family` to be a `TaskFamily`. Received: {family!r}.")
        self.family, self.seed = family, seed
        self.name = f"{family.name}#{seed}"
        self.loss, self.final_loss, self.normalize = family.loss, family.final_loss, family.normalize
        self.lengths, self.meta_batch_size = family.lengths, family.meta_batch_size

    def sample(self, rng, batch_size):
        """The first instances that the seed gives; `rng` is not used."""
        return self.family.sample(np.random.default_rng(self.seed), batch_size)


class Mixture:
    """Families of which one is drawn for each step of meta-training.

    Args:
        families: sequence of `TaskFamily`, at least one, of different names.
        weights: their probabilities up to a factor, > 0; None for equal ones.

    Raises:
        InvalidArgumentError: for no families, a name twice, or weights that do not fit.

    Example:

    ```python
    Mixture([functions.Quadratics(10), networks.DenseNetworks(sources)], weights=[1, 3])
    ```
    """

    def __init__(self, families, weights=None):
        self.families = tuple(families)
        if not self.families or not all(isinstance(family, TaskFamily) for family in self.families):
            raise errors.InvalidArgumentError(
                f"Expected `families` to be one `TaskFamily` or more. Received: {list(self.families)}."
            )
        names = [family.name for family in self.families]
        if len(set(names)) < len(names):
            raise errors.InvalidArgumentError(f"Expected `families` of different names. Received: {names}.")
        given = np.ones(len(names)) if weights is None else np.asarray(weights, "float64")
        if given.shape != (len(names),) or not (np.isfinite(given) & (given > 0)).all():
            raise errors.InvalidArgumentError(
                f"Expected `weights` to be {len(names)} numbers > 0. Received: {weights!r}."
            )
        self.probabilities = given / given.sum()

    @classmethod
    def of(cls, tasks):
        """A mixture as it is, a family or a sequence of families as a mixture."""
        if isinstance(tasks, cls):
            return tasks
        return cls([tasks] if isinstance(tasks, TaskFamily) else tasks)

    @classmethod
    def of_texts(cls, texts, by_name):
        """The mixture of families that texts name.

        Args:
            texts: sequence of "NAME" or "NAME:WEIGHT".
            by_name: callable name -> `TaskFamily`.

        Raises:
            InvalidArgumentError: for weights that are no numbers > 0, a name twice, and what `by_name` refuses.
        """
        names, weights = [], []
        for name, _, weight in (text.partition(":") for text in texts):
            names.append(name)
            try:
                weights.append(float(weight or 1))
            except ValueError as error:
                raise errors.InvalidArgumentError(
                    f"Expected the weight of {name!r} to be a number. Received: {weight!r}."
                ) from error
        return cls([by_name(name) for name in names], weights)

    def draw(self, rng):
        """One of the families, by its probability."""
        return self.families[rng.choice(len(self.families), p=self.probabilities)]
