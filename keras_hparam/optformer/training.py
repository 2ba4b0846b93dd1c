"""Pre-training of the OptFormer by weighted log-likelihood on generated studies.

Every batch is a function of (seed, step), so a run that is killed resumes where its last checkpoint was and ends with
the same weights as one that never stopped.
"""

import dataclasses
import logging
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf

from keras_hparam import checkpoints, errors
from keras_hparam.optformer import batches
from keras_hparam.optformer.losses import study_losses
from keras_hparam.optformer.model import OptFormer

CHECKPOINT_KIND = "optformer-training"


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How an OptFormer is trained.

    Args:
        steps: training steps in all.
        learning_rate: peak rate of AdamW.
        warmup_steps: steps of linear warm-up.
        decay_share: share of the steps, at the end, in which the rate falls to 0 along a cosine.
        weight_decay: of AdamW.
        clipnorm: bound on each gradient's global norm.
        value_weight: weight of parameter-value tokens in the loss; objective tokens weigh 1.
        seed: of the weights and the batches.
        checkpoint_every, log_every: steps.

    Raises:
        InvalidArgumentError: for numbers out of range.
    """

    steps: int = 10000
    learning_rate: float = 1.5e-3
    warmup_steps: int = 200
    decay_share: float = 0.25
    weight_decay: float = 0.01
    clipnorm: float = 1.0
    value_weight: float = 0.25
    seed: int = 0
    checkpoint_every: int = 500
    log_every: int = 50

    def __post_init__(self):
        for name in ("steps", "learning_rate", "clipnorm", "value_weight", "checkpoint_every", "log_every"):
            if not getattr(self, name) > 0:
                raise errors.InvalidArgumentError(f"Expected `{name}` > 0. Received: {getattr(self, name)}.")
        if not 0.0 <= self.decay_share <= 1.0:
            raise errors.InvalidArgumentError(f"Expected `decay_share` in [0, 1]. Received: {self.decay_share}.")


def learning_rate(step, settings):
    """Rate at a step: linear warm-up, constant, then half a cosine to 0 over the last `decay_share` of the steps."""
    warmup = min(1.0, (step + 1) / max(settings.warmup_steps, 1))
    left = (settings.steps - step) / max(settings.decay_share * settings.steps, 1e-9)
    return settings.learning_rate * warmup * (0.5 - 0.5 * np.cos(np.pi * min(left, 1.0)))


def dataset(make_batch, first_step, steps, workers=1):
    """`tf.data.Dataset` of the batches of steps first_step..steps - 1; every array keeps its rank and type.

    Args:
        make_batch: callable step -> dict of NumPy arrays.
        first_step, steps: ints.
        workers: batches made at once.
    """
    example = make_batch(0)
    names = list(example)

    def load(step):
        types = [example[name].dtype for name in names]
        arrays = tf.numpy_function(lambda number: list(make_batch(int(number)).values()), [step], types)
        for name, array in zip(names, arrays, strict=True):
            array.set_shape([None] * example[name].ndim)
        return dict(zip(names, arrays, strict=True))

    steps = tf.data.Dataset.range(first_step, steps)
    return steps.map(load, num_parallel_calls=workers, deterministic=True).prefetch(8)


class Trainer:
    """Model, optimizer and compiled step under a strategy, with checkpoints.

    Args:
        config: `OptFormerConfig`.
        settings: `TrainingSettings`.
        workdir: directory of checkpoints and logs.
        strategy: `tf.distribute.Strategy`.
    """

    def __init__(self, config, settings, workdir, strategy=None):
        self.settings, self.workdir = settings, pathlib.Path(workdir)
        self.strategy = strategy or tf.distribute.get_strategy()
        keras.utils.set_random_seed(settings.seed)
        with self.strategy.scope():
            self.model = OptFormer(config)
            self.optimizer = keras.optimizers.AdamW(
                settings.learning_rate, weight_decay=settings.weight_decay, global_clipnorm=settings.clipnorm,
                name="adamw",
            )  # fmt: skip
            self.optimizer.build(self.model.trainable_variables)
        self.step, self.figures = 0, {}
        self.manager = checkpoints.CheckpointManager(self.workdir / "checkpoints", kind=CHECKPOINT_KIND)
        self._compiled = tf.function(self._distributed_step)

    def _replica_step(self, batch):
        replicas = self.strategy.num_replicas_in_sync
        with tf.GradientTape() as tape:
            losses = study_losses(self.model, batch)
            loss = losses["objective"] + self.settings.value_weight * losses["values"]
            loss = loss / replicas  # the optimizer sums gradients over replicas
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return losses

    def _distributed_step(self, batches):
        losses = self.strategy.run(self._replica_step, args=(next(batches),))
        return {name: self.strategy.reduce("MEAN", value, axis=None) for name, value in losses.items()}

    def train_step(self, batches):
        """One step on the next batch of an iterator over a (distributed) dataset: losses by name, as tensors."""
        self.optimizer.learning_rate.assign(learning_rate(self.step, self.settings))
        losses = self._compiled(batches)
        self.step += 1
        return losses

    def _variables(self):
        named = {f"model/{v.path}": v for v in self.model.variables}
        return named | {f"optimizer/{v.path}": v for v in self.optimizer.variables}

    def save(self):
        """Writes a checkpoint of model, optimizer, step and the latest figures."""
        arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
        config = dataclasses.asdict(self.model.config)
        state = {"settings": dataclasses.asdict(self.settings), "config": config, "figures": self.figures}
        self.manager.save(self.step, arrays, state)

    def restore(self):
        """Continues from the newest checkpoint; whether there was one.

        Only `steps` may differ from the checkpoint's settings: until the rate's decay begins, the course is the same.

        Raises:
            InvalidArgumentError: if the checkpoint belongs to a model of other sizes or to other settings, or has seen
                a decay that these settings do not have.
        """
        found = self.manager.restore()
        if found is None:
            return False
        step, arrays, state = found
        before, now = state["settings"], dataclasses.asdict(self.settings)
        decay_begins = (1.0 - self.settings.decay_share) * min(before["steps"], now["steps"])
        if {**before, "steps": 0} != {**now, "steps": 0} or (before != now and step > decay_begins):
            raise errors.InvalidArgumentError(
                f"Expected the settings of the checkpoint in {self.workdir} at step {step}: {before}. "
                f"Received: {now}. Give another --workdir."
            )
        if state["config"] != dataclasses.asdict(self.model.config):
            raise errors.InvalidArgumentError(
                f"Expected the sizes of the checkpoint in {self.workdir}: {state['config']}. "
                f"Received: {dataclasses.asdict(self.model.config)}. Give another --workdir."
            )
        for name, variable in self._variables().items():
            variable.assign(arrays[name])
        self.step, self.figures = step, state["figures"]
        return True


def pretrain(trainer, vocabulary, generate, batch_settings, progress=None):
    """Trains to the last step, with checkpoints, TensorBoard scalars and a progress callback.

    Args:
        trainer: `Trainer`, fresh or restored.
        vocabulary: `Vocabulary`.
        generate: study generator, see `batches.make_batch`.
        batch_settings: `batches.BatchSettings`.
        progress: callable (step, means of the losses since the last call, seconds a step), every `log_every` steps.

    Returns:
        The trained `OptFormer`.
    """
    settings, strategy = trainer.settings, trainer.strategy

    def make_batch(step):
        return batches.make_batch(
            vocabulary, trainer.model.config, generate, settings.seed, step, batch_settings,
            strategy.num_replicas_in_sync,
        )  # fmt: skip

    data = dataset(make_batch, trainer.step, settings.steps)
    if strategy.num_replicas_in_sync > 1:
        data = strategy.experimental_distribute_dataset(data)
    writer = tf.summary.create_file_writer(str(trainer.workdir / "tensorboard"))
    iterator, sums, began = iter(data), [], time.monotonic()
    while trainer.step < settings.steps:
        sums.append(trainer.train_step(iterator))
        if trainer.step % settings.log_every == 0 or trainer.step == settings.steps:
            means = {name: float(np.mean([float(row[name]) for row in sums])) for name in sums[0]}
            seconds = (time.monotonic() - began) / len(sums)
            with writer.as_default(step=trainer.step):
                for name, value in {**means, "seconds_per_step": seconds}.items():
                    tf.summary.scalar(name, value)
            if not np.isfinite(list(means.values())).all():
                raise FloatingPointError(f"Loss at step {trainer.step} is not finite: {means}.")
            trainer.figures = {"step": trainer.step, **{name: round(value, 4) for name, value in means.items()}}
            (progress or _log)(trainer.step, means, seconds)
            sums, began = [], time.monotonic()
        if trainer.step % settings.checkpoint_every == 0 or trainer.step == settings.steps:
            trainer.save()
    writer.close()
    return trainer.model


def _log(step, means, seconds):
    logging.info("step %d: %s, %.3f s a step", step, means, seconds)
