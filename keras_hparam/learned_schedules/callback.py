"""The callback that lets a `LearnedSchedule` see the training, and makes its decisions."""

import logging
import math

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.configuration import is_integer, require
from keras_hparam.learned_schedules import observation, sidecar, update_length
from keras_hparam.learned_schedules.probe import Probe
from keras_hparam.learned_schedules.recovery import LastGood
from keras_hparam.learned_schedules.schedule import LearnedSchedule
from keras_hparam.reports.scalar_log import ScalarLog

DECISIONS = 40  # of a training whose length is known: as many as a controller is trained with
LEAST, UNKNOWN = 10, 50  # steps between decisions: at least, and where the length is not known
EXAMPLES = (64, 512)  # that are looked at for a decision; 4 for each step between two decisions


class TrainingDynamics(keras.callbacks.Callback):
    """Observes a training for a `LearnedSchedule` and makes its decisions.

    Give it to `fit`. Every so many steps it looks at the losses, at a layer, and at the model's outputs on a fixed part
    of the validation data, in one forward pass, and the schedule's controller sets the rate. The epochs' logs have
    `learning_rate`. With it, `BackupAndRestore` and weights that `ModelCheckpoint` or `save_weights` write go on
    exactly: the schedule's state lies beside them, in a file of the same name with ".schedule.npz".

    If a loss is no longer finite, the model goes back to its last good state and the rate is cut.

    Args:
        schedule: `LearnedSchedule`; None: the one of the model's optimizer.
        validation_data: as of `fit`: (x, y), (x, y, sample_weight) or a dataset of batches; None if the controller
            needs none.
        examples: int ≥ 1, examples of the validation data that are looked at, the first ones; None: 4 for each step
            between two decisions, from 64 to 512.
        layer: name of the layer whose kernel is looked at; None: the last one that has a kernel.
        recover: bool, whether to keep a copy of the last good state.
        log_dir: directory of TensorBoard logs of each decision; None for none.

    Attributes:
        history: dict of lists over decisions: "step", "learning_rate", "training_loss", and what is measured.

    Raises:
        InvalidArgumentError: when a training begins: if the optimizer has another schedule, `every` does not fit
            `steps_per_execution`, validation data are needed and missing, or there is no such layer.

    Example:

    ```python
    schedule = LearnedSchedule(0.01)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse")
    model.fit(x, y, epochs=20, callbacks=[TrainingDynamics(schedule, validation_data=(x_val, y_val))])
    ```
    """

    def __init__(
        self, schedule=None, validation_data=None, examples=None, layer=None, recover=True, log_dir=None
    ):  # fmt: skip
        super().__init__()
        good = schedule is None or isinstance(schedule, LearnedSchedule)
        require("schedule", schedule, good, "a LearnedSchedule or None")
        require("examples", examples, examples is None or is_integer(examples, 1), "an int ≥ 1 or None")
        self.schedule, self.validation_data, self.examples = schedule, validation_data, examples
        self.layer, self.recover, self.log_dir = layer, recover, log_dir
        self.history, self._good, self._log, self._last = {}, None, None, None
        self._has_begun = self._has_recovered = False

    def set_model(self, model):
        """Attaches the schedule to the model's optimizer, before its training step is traced."""
        super().set_model(model)
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        found = getattr(optimizer, "_learning_rate", None)
        self.schedule = found if self.schedule is None else self.schedule
        if not isinstance(found, LearnedSchedule) or found is not self.schedule:
            raise errors.InvalidArgumentError(
                "Expected the model's optimizer to have the `schedule` of TrainingDynamics as its learning rate. "
                f"Received: {found!r}."
            )
        self._needed = observation.needed(self.schedule.controller.config)
        self.schedule.attach(optimizer, self.schedule.state.number("length"))
        sidecar.accompany(model, self.schedule)

    def on_train_begin(self, logs=None):
        schedule, model = self.schedule, self.model
        total = self._total_steps()
        self.every = self._steps_between(total)
        examples = self.examples or int(np.clip(4 * self.every, *EXAMPLES))
        probe = self._probe = Probe(model, self.validation_data, examples, self._needed, self.layer)
        if probe.examples is not None and not model.built:
            model(probe.examples[0])
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        with model.distribute_strategy.scope():
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            if schedule.cap is not None and schedule.state.number("length") == 0:
                schedule.state.values["length"].assign(update_length.first(optimizer, probe.gradients_or_none()))
            self._good = LastGood(model) if self.recover else None
        self._begin_programs()
        self._log = None if self.log_dir is None else ScalarLog(self.log_dir)
        self._has_begun = False

    def _begin_training(self, epoch):
        """A training that begins with a later epoch goes on with what the schedule remembers; others begin anew."""
        schedule, total = self.schedule, self._total_steps()
        if epoch == 0:
            schedule.state.forget(schedule.first_rate)
        schedule.begin(self._step() - epoch * (self.params.get("steps") or 0), total)

    def _total_steps(self):
        """Steps of this training, those of earlier epochs included, or None."""
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        return steps * epochs if steps and epochs else None

    def _steps_between(self, total):
        at_once = self.model.steps_per_execution
        if self.schedule.every is None:
            wanted = max(LEAST, round(total / (DECISIONS + 1))) if total else UNKNOWN
            return math.ceil(wanted / at_once) * at_once
        require("every", self.schedule.every, self.schedule.every % at_once == 0,
                f"a multiple of the model's `steps_per_execution`, {at_once}")  # fmt: skip
        return self.schedule.every

    def _begin_programs(self):
        import tensorflow as tf

        probe, schedule = self._probe, self.schedule

        def decide(before, training_loss):
            measured, outputs = probe.measure(before)
            measured["training_loss"] = training_loss
            self._names = list(measured)
            values = ops.stack([ops.cast(value, "float32") for value in measured.values()])
            finite = ops.all(ops.isfinite(values))
            seen = {name: value for name, value in measured.items() if name in self._needed}
            step = schedule.optimizer._iterations + 0

            def go_on():
                if self._good is not None:
                    self._good.keep()
                return schedule.update(step, **seen)

            tf.cond(finite, go_on, lambda: schedule.state.values["rate"] + 0.0)
            return values, outputs, step, schedule(step)

        # One program: many small ones would cost more than what they compute.
        self._decide = tf.function(decide, autograph=False)
        self._read_rate = tf.function(lambda: schedule(schedule.optimizer._iterations), autograph=False)
        self._outputs = tf.function(probe.outputs, autograph=False)

    def on_epoch_begin(self, epoch, logs=None):
        self._counted, self._sum, self._first = 0, 0.0, 0
        if not self._has_begun:
            self._begin_training(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        if not self.schedule.state.pending:  # the first step of a training
            self._await(self._outputs() if self._probe.examples is not None else [])
        if self._good is not None and not self._has_begun:
            self._good.keep()
        self._has_begun = True

    def _await(self, outputs):
        """The next decision is prepared: no losses yet, and the outputs before the steps."""
        outputs = {f"before_{index}": part for index, part in enumerate(outputs)}
        self.schedule.state.pending = {"loss": 0.0, "steps": 0, **outputs}

    def on_train_batch_end(self, batch, logs=None):
        count, pending = batch + 1, self.schedule.state.pending
        is_due = pending["steps"] + count - self._counted >= self.every
        if is_due or count == self.params.get("steps"):
            self._take_in(count, logs["loss"])
        if is_due:
            self._make_decision()
        self._last = count, logs["loss"]

    def _take_in(self, count, mean):
        """Adds the losses since the last time to the pending ones; `mean` is that of the epoch so far."""
        total, pending = float(mean) * (count - self._first), self.schedule.state.pending
        pending["loss"] = float(pending["loss"]) + total - self._sum
        pending["steps"] = int(pending["steps"]) + count - self._counted
        self._counted, self._sum = count, total

    def _make_decision(self):
        pending, schedule = self.schedule.state.pending, self.schedule
        before = [ops.convert_to_tensor(pending[f"before_{i}"]) for i in range(len(pending) - 2)]
        loss = np.float32(pending["loss"] / pending["steps"])
        values, outputs, step, rate = self._decide(before, ops.convert_to_tensor(loss))
        measured = dict(zip(self._names, ops.convert_to_numpy(values).tolist(), strict=True))
        is_finite = all(map(math.isfinite, measured.values()))
        if not is_finite:
            self._recover()
        length = update_length.later(schedule.optimizer, self._probe.gradients_or_none())
        if schedule.cap is not None and length is not None:
            schedule.state.values["length"].assign(length)
        self._await(outputs if is_finite else before)
        step, rate = int(step), float(rate) if is_finite and length is None else self._rate()
        found = {"step": step, "learning_rate": rate, **measured}
        for name, value in found.items():
            self.history.setdefault(name, []).append(value)
        if self._log is not None:
            self._log.write(step, {k: v for k, v in found.items() if k != "step"})

    def _recover(self):
        """Cuts the rate, and takes the model back to its last good state; this is said once."""
        self.schedule.cut()
        if self._good is not None:
            self._good.take_back()
            self.model.reset_metrics()
            self._first, self._sum = self._counted, 0.0
        if not self._has_recovered:
            back = "" if self._good is None else ", and the model went back to its last good state"
            rate = self.schedule.state.number("rate")
            logging.warning("A loss was no longer finite: the learning rate was cut to %.3g%s.", rate, back)
        self._has_recovered = True

    def _step(self):
        return int(ops.convert_to_numpy(self.schedule.optimizer._iterations))

    def _rate(self):
        return float(ops.convert_to_numpy(self._read_rate()))

    def on_epoch_end(self, epoch, logs=None):
        if self._last is not None and self._last[0] > self._counted:
            self._take_in(*self._last)
        self._last = None
        if logs is not None:
            logs["learning_rate"] = self._rate()

    def on_train_end(self, logs=None):
        if self._log is not None:
            self._log.__exit__()
