"""Pre-training of the OptFormer by weighted log-likelihood on generated studies.

Every batch is a function of (seed, step), so a run that is killed resumes where its last checkpoint was and ends with
the same weights as one that never stopped. It runs under Keras' TensorFlow backend, on the devices of a strategy, and
under its JAX backend, on one device and without TensorFlow; checkpoints and batches are the same.
"""

import contextlib
import dataclasses
import functools
import logging
import pathlib
import time

import keras
import numpy as np

from keras_hparam import checkpoints, errors
from keras_hparam.optformer import batches, engines, losses, shapes
from keras_hparam.optformer.model import OptFormer
from keras_hparam.optformer.training_settings import HELD_OUT_SEED, learning_rate, same_course
from keras_hparam.reports.scalar_log import ScalarLog

CHECKPOINT_KIND = "optformer-training"
EVALUATION_BATCHES = 8


class Trainer:
    """Model, optimizer and compiled step, with checkpoints.

    Args:
        config: `OptFormerConfig`.
        settings: `TrainingSettings`.
        workdir: directory of checkpoints and logs; of several workers the first one writes there, and all of them read.
        strategy: `tf.distribute.Strategy`, or None for one device.
        batch_settings: `batches.BatchSettings`, by default its defaults.

    Raises:
        InvalidArgumentError, UnavailableError: as `engines.create` does.
    """

    def __init__(self, config, settings, workdir, strategy=None, batch_settings=None):
        self.settings, self.workdir = settings, pathlib.Path(workdir)
        self.batch_settings = batch_settings or batches.BatchSettings()
        keras.utils.set_random_seed(settings.seed)
        loss_weights = {"objective": 1.0, "values": settings.value_weight}
        pad = functools.partial(
            shapes.pad_to_classes, config=config, max_parameters=self.batch_settings.max_parameters
        )
        self.engine = engines.create(functools.partial(_make, config, settings), loss_weights, pad, strategy)
        self.model, self.optimizer = self.engine.model, self.engine.optimizer
        self.step, self.figures, self.rows = 0, {}, []  # rows: losses of the steps that no figures have counted
        self.course = checkpoints.Course(self.workdir / "checkpoints", CHECKPOINT_KIND, self.engine.is_chief)

    def train_step(self, iterator):
        """One step on the next batch of an iterator of `engine.batches`: mean losses by name, as scalars."""
        self.optimizer.learning_rate.assign(learning_rate(self.step, self.settings))
        means = self.engine.step(next(iterator))
        self.step += 1
        return means

    def evaluate(self, make_batch, num_batches=EVALUATION_BATCHES):
        """Means of `evaluation.held_out_sums` over the batches 0..num_batches - 1, by name.

        Args:
            make_batch: callable (step, shard, num_shards) -> dict of arrays.
            num_batches: int.
        """
        totals = {}
        for batch in self.engine.batches(make_batch, 0, num_batches):
            for name, pair in self.engine.evaluate(batch).items():
                totals[name] = totals.get(name, 0.0) + np.array([float(number) for number in pair])
        return {name: float(losses.mean(*pair)) for name, pair in totals.items()}

    def _variables(self):
        named = {f"model/{v.path}": v for v in self.model.variables}
        return named | {f"optimizer/{v.path}": v for v in self.optimizer.variables}

    def _state(self):
        described = {"settings": self.settings, "config": self.model.config, "batches": self.batch_settings}
        return {name: dataclasses.asdict(value) for name, value in described.items()}

    def save(self):
        """Writes a checkpoint of model, optimizer, step and the latest figures, if this process is the one to write."""
        if self.course.writes:
            arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
            rows = [{name: float(value) for name, value in row.items()} for row in self.rows]
            self.course.save(self.step, arrays, {**self._state(), "figures": self.figures, "rows": rows})

    def restore(self):
        """Continues from the newest checkpoint; whether there was one.

        How often is saved, logged and evaluated may differ from the checkpoint's settings, and the number of steps as
        long as the rate has not begun to decay: the course up to there is the same.

        Raises:
            InvalidArgumentError: if the checkpoint belongs to a model of other sizes or to other settings, or has seen
                a decay that these settings do not have.
        """
        found = self.course.restore()
        if found is None:
            return False
        step, arrays, before = found
        now = self._state()
        before["batches"] = before.get("batches", now["batches"])  # older checkpoints do not say
        same = {name: before[name] == now[name] for name in ("config", "batches")}
        same["settings"] = same_course(before["settings"], now["settings"], step)
        for name, noun in (("settings", "settings"), ("config", "sizes"), ("batches", "batch settings")):
            if not same[name]:
                raise errors.InvalidArgumentError(
                    f"Expected the {noun} of the checkpoint in {self.workdir} at step {step}: {before[name]}. "
                    f"Received: {now[name]}. Give another --workdir."
                )
        for name, variable in self._variables().items():
            variable.assign(arrays[name])
        self.step, self.figures, self.rows = step, before["figures"], before.get("rows", [])
        return True


def _make(config, settings, replicas):
    """(model, optimizer) with variables; every replica hands the optimizer its share of the gradient to clip."""
    model = OptFormer(config, dtype=settings.precision)
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate, weight_decay=settings.weight_decay, global_clipnorm=settings.clipnorm / replicas,
        name="adamw",
    )  # fmt: skip
    optimizer.build(model.trainable_variables)
    return model, optimizer


def pretrain(trainer, vocabulary, generate, held_out=None, progress=None):
    """Trains to the last step, with checkpoints, evaluations, TensorBoard scalars and a progress callback.

    Args:
        trainer: `Trainer`, fresh or restored.
        vocabulary: `Vocabulary`.
        generate: study generator, see `batches.make_batch`.
        held_out: generator of the studies that evaluations are made on, with `HELD_OUT_SEED`; by default `generate`.
        progress: callable (step, figures, seconds a step), every `log_every` steps and after every evaluation; the
            figures are the means of the losses since the last call, and what an evaluation found.

    Returns:
        The trained `OptFormer`.

    Raises:
        FloatingPointError: if a loss is not finite.
        InUseError: if another process trains in the workdir.
    """
    settings, is_chief = trainer.settings, trainer.engine.is_chief
    held_out = _batch_maker(trainer, vocabulary, held_out or generate, HELD_OUT_SEED)
    make_batch = _batch_maker(trainer, vocabulary, generate, settings.seed)
    iterator = trainer.engine.batches(make_batch, trainer.step, settings.steps)
    began, steps = time.monotonic(), 0
    with trainer.course, ScalarLog(trainer.workdir / "tensorboard") if is_chief else contextlib.nullcontext() as log:
        while trainer.step < settings.steps:
            trainer.rows.append(trainer.train_step(iterator))
            steps += 1
            evaluates = _due(trainer, settings.evaluate_every)
            if evaluates or _due(trainer, settings.log_every):
                figures = _finite_means(trainer.rows, trainer.step)
                seconds = (time.monotonic() - began) / steps
                figures |= trainer.evaluate(held_out) if evaluates else {}
                trainer.figures = {"step": trainer.step, **{name: round(value, 4) for name, value in figures.items()}}
                if is_chief:
                    log.write(trainer.step, {**figures, "seconds_per_step": seconds})
                    (progress or _log)(trainer.step, figures, seconds)
                trainer.rows, began, steps = [], time.monotonic(), 0
            if _due(trainer, settings.checkpoint_every):
                if trainer.rows:
                    _finite_means(trainer.rows, trainer.step)  # no checkpoint of losses that are not finite
                trainer.save()
    return trainer.model


def _batch_maker(trainer, vocabulary, generate, seed):
    """Callable (step, shard, num_shards) -> batch."""

    def make_batch(step, shard, num_shards):
        config, settings = trainer.model.config, trainer.batch_settings
        return batches.make_batch(vocabulary, config, generate, seed, step, settings, shard, num_shards)

    return make_batch


def _due(trainer, every):
    return checkpoints.is_due(trainer.step, every, trainer.settings.steps)


def _finite_means(rows, step):
    means = {name: float(np.mean([float(row[name]) for row in rows])) for name in rows[0]}
    if not np.isfinite(list(means.values())).all():
        raise FloatingPointError(f"Loss at step {step} is not finite: {means}.")
    return means


def _log(step, figures, seconds):
    logging.info("step %d: %s, %.3f s a step", step, figures, seconds)
