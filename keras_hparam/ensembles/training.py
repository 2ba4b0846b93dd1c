"""A training loop for a `HyperBatchEnsemble` under any `tf.distribute` strategy, several workers too, that resumes.

Keras' `fit` does not run under MultiWorkerMirroredStrategy. Here every batch is a function of (seed, step), so that a
run which is killed ends where one that never stopped ends.
"""

import math

import numpy as np
import tensorflow as tf
from keras import tree

from keras_hparam import checkpoints, distribute, errors

CHECKPOINT_KIND = "ensemble-training"


def train(
    model, x, y, *, epochs, batch_size=32, tuning_data=None, tuning_split=0.05, directory=None, save_every=500,
    strategy=None, seed=0, on_epoch=None, drop_remainder=False,
):  # fmt: skip
    """Trains a compiled ensemble.

    Args:
        model: `HyperBatchEnsemble`, made and compiled under the strategy's scope.
        x, y: (structures of) arrays, the same in every worker.
        epochs: int >= 1, in all, those before a resume included.
        batch_size: int >= 1, of the global batch.
        tuning_data, tuning_split: as in the model's `fit`.
        directory: of checkpoints, from which an interrupted training goes on; None for none.
        save_every: int >= 1, steps between checkpoints; there is one at the end as well.
        strategy: `tf.distribute.Strategy`; None for that of the model.
        seed: int, of the order of the examples.
        on_epoch: callable (epoch, mean loss), after every epoch; it may be called again after a resume.
        drop_remainder: bool, whether an epoch leaves out the examples that do not fill a batch, others each time; else
            its last batch may be smaller.

    Returns:
        List of the mean losses of all epochs.

    Raises:
        InvalidArgumentError: for a model that is not compiled, no examples, or a checkpoint of another training.
        InUseError: if another process trains in `directory`.
        FloatingPointError: if the mean loss of an epoch is not finite.
    """
    if getattr(model, "losses_of_members", None) is None:
        raise errors.InvalidArgumentError("Expected a compiled `model` with a loss. Received: none.")
    strategy = strategy or model.distribute_strategy
    if strategy is not model.distribute_strategy:
        raise errors.InvalidArgumentError(
            f"Expected the `strategy` under whose scope the model was made, {model.distribute_strategy}. "
            f"Received: {strategy}."
        )
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("save_every", save_every)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise errors.InvalidArgumentError(f"Expected `{name}` to be an int >= 1. Received: {value!r}.")
    x, y, _ = model.set_tuning_data(x, y, None, tuning_data, tuning_split, batch_size)
    data = tree.map_structure(np.asarray, (x, y))
    loop = _Loop(model, data, batch_size, strategy, seed, directory, drop_remainder)
    with loop.course:
        loop.restore()
        for batch in loop.batches(epochs):
            epoch_ended = loop.step_on(batch)
            if epoch_ended and on_epoch is not None:
                on_epoch(loop.step // loop.steps_per_epoch - 1, loop.means[-1])
            if checkpoints.is_due(loop.step, save_every, epochs * loop.steps_per_epoch):
                loop.save()
    return loop.means


class _Loop:
    """The state of a training: model, optimizers, step, and the losses so far."""

    def __init__(self, model, data, batch_size, strategy, seed, directory, drop_remainder):
        sizes = {len(array) for array in tree.flatten(data)}
        if len(sizes) != 1 or 0 in sizes:
            raise errors.InvalidArgumentError(f"Expected `x` and `y` of one length, not 0. Received: lengths {sizes}.")
        self.model, self.data, self.batch_size, self.seed = model, data, batch_size, seed
        self.strategy = strategy
        self.size = sizes.pop()
        self.steps_per_epoch = self.size // batch_size if drop_remainder else math.ceil(self.size / batch_size)
        self.examples = self.steps_per_epoch * batch_size if drop_remainder else self.size  # of an epoch
        if self.steps_per_epoch == 0:
            raise errors.InvalidArgumentError(f"Expected `batch_size` <= {self.size} examples. Received: {batch_size}.")
        self.step, self.total, self.means = 0, 0.0, []
        self.course = checkpoints.Course(directory, CHECKPOINT_KIND, distribute.is_chief(strategy), name="directory")
        self._compiled = None
        with self.strategy.scope():
            model.optimizer.build(model.trainable_variables)

    def batches(self, epochs):
        """The global batches from the present step to the end, distributed over the replicas."""
        specs = tree.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), self.data)
        steps = range(self.step, epochs * self.steps_per_epoch)
        batches = distribute.distributed_batches(self.strategy, self._shard, specs, steps)
        signature = [batches.element_spec]  # of any number of examples
        self._compiled = tf.function(self._run, input_signature=signature, autograph=False)
        return batches

    def _shard(self, step, replica, replicas):
        """The arrays of one replica's examples at a step: a part of an epoch's permutation."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((self.seed, epoch)).permutation(self.size)
        rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        rows = np.array_split(rows, replicas)[replica]
        return tree.map_structure(lambda array: array[rows], self.data)

    def step_on(self, batch):
        """A training step, and a tuning step where it is due; whether the epoch ended."""
        self.total += float(self._compiled(batch))
        self.step += 1
        if self.model.bounds is not None and self.step % self.model.options.tuning_every == 0:
            self.model.tune()
        if self.step % self.steps_per_epoch:
            return False
        self.means.append(self.total / self.steps_per_epoch)
        if not math.isfinite(self.means[-1]):
            raise FloatingPointError(f"The loss of epoch {len(self.means)} is not finite: {self.means[-1]}.")
        self.total = 0.0
        return True

    def _run(self, batch):
        shares = self.strategy.run(lambda data: self.model.update(*data)[0], args=(batch,))
        return self.strategy.reduce("SUM", shares, axis=None)

    def _variables(self):
        optimizers = {"optimizer": self.model.optimizer, "tuning_optimizer": self.model.tuning_optimizer}
        owners = {"model": self.model} | {name: one for name, one in optimizers.items() if one is not None}
        return {  # by their order: Keras numbers the names of layers on and on in one process
            f"{name}/{index}": variable
            for name, owner in owners.items()
            for index, variable in enumerate(owner.variables)
        }

    def _facts(self):
        return {"seed": self.seed, "batch_size": self.batch_size, "examples": self.examples}

    def save(self):
        """Writes a checkpoint, if there is a directory and this process is the one to write."""
        if self.course.writes:
            arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
            self.course.save(self.step, arrays, {**self._facts(), "total": self.total, "means": self.means})

    def restore(self):
        """Continues from the newest checkpoint, if there is one."""
        found = self.course.restore()
        if found is None:
            return
        variables = self._variables()
        shapes = ({name: list(v.shape) for name, v in named.items()} for named in (found.arrays, variables))
        before, now = ({"variables": part} for part in shapes)
        directory = self.course.manager.directory
        checkpoints.check_facts(found.state | before, self._facts() | now, directory, "directory")
        for name, variable in variables.items():
            variable.assign(found.arrays[name])
        self.step, self.total, self.means = found.step, found.state["total"], list(found.state["means"])
