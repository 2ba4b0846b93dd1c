"""A learning-rate schedule that a controller network drives while a model trains.

The schedule holds the rate and what the controller remembers, as variables that the compiled training step reads. A
decision, `update`, changes them; `TrainingDynamics` makes the decisions during `fit`.
"""

import math

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.configuration import is_integer, is_number, require
from keras_hparam.learned_schedules import decisions, observation, update_length, weights
from keras_hparam.learned_schedules.controller import Controller
from keras_hparam.learned_schedules.observation import Measurements
from keras_hparam.learned_schedules.state import ScheduleState

CONTROLLER = "schedule-controller"
CUT = 0.1  # what the rate is multiplied by when a loss is no longer finite


@keras.saving.register_keras_serializable(package="keras_hparam")
class LearnedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A `LearningRateSchedule` whose rate a trained controller changes every so many steps, from what it observes.

    Give the schedule to an optimizer and `TrainingDynamics` to `fit`; a training without it is refused. The rate begins
    as the given one, and may be wrong by factors.

    Args:
        initial_learning_rate: > 0.
        controller: name of shipped weights, directory of weights, or `Controller`.
        every: int ≥ 1, steps between decisions; None: a fortieth of the training where its length is known, at least
            10, else 50.
        lowest, highest: 0 ≤ lowest < highest, bounds on the rate, without the factor of the controller's base.
        cap: > 0, the longest step relative to the norm of all parameters: a higher rate is lowered and stays so; None:
            none.
        name: str.

    Raises:
        InvalidArgumentError: for arguments out of range or an unknown controller.
        CorruptFileError: for truncated or foreign weights.
        UnavailableError: under another backend of Keras than TensorFlow.

    Source: US20210034973A1; Xu et al. 2019, arXiv 1909.09712.

    Example:

    ```python
    schedule = LearnedSchedule(0.01)
    model.compile(optimizer=keras.optimizers.SGD(schedule, momentum=0.9), loss="sparse_categorical_crossentropy")
    model.fit(x, y, epochs=10, callbacks=[TrainingDynamics(schedule, validation_data=(x_val, y_val))])
    ```
    """

    def __init__(
        self, initial_learning_rate, controller=CONTROLLER, every=None, lowest=0.0, highest=math.inf, cap=0.03,
        name="LearnedSchedule", state=None,
    ):  # fmt: skip
        if keras.backend.backend() != "tensorflow":
            raise errors.UnavailableError(
                f"Expected the Keras backend 'tensorflow' of a LearnedSchedule. Received: {keras.backend.backend()!r}."
            )
        rate = initial_learning_rate
        require("initial_learning_rate", rate, is_number(rate, 0), "a finite number > 0")
        require("every", every, every is None or is_integer(every, 1), "an int ≥ 1 or None")
        require("lowest", lowest, is_number(lowest) and lowest >= 0, "a finite number ≥ 0")
        good = highest == math.inf or is_number(highest)
        require("highest", highest, good and highest > lowest, f"a number above `lowest`, {lowest}")
        require("cap", cap, cap is None or is_number(cap, 0), "a finite number > 0 or None")
        self.initial_learning_rate, self.every, self.name = float(rate), every, name
        self.lowest, self.highest, self.cap = float(lowest), float(highest), cap
        self.controller = controller if isinstance(controller, Controller) else _controller(controller)
        self.optimizer, self.is_fed = None, False
        self.state = ScheduleState(self.controller, self.first_rate)
        if state is not None:
            self.state.from_text(state)

    @property
    def first_rate(self):
        """The initial rate within the user's bounds."""
        return min(max(self.initial_learning_rate, self.lowest), self.highest)

    def __call__(self, step):
        """The rate at a step, a float32 scalar. Reading it twice gives the same."""
        import tensorflow as tf

        inside = tf.inside_function()
        if not self.is_fed and (inside or (int(step) > 0 and not self.state.number("fed"))):
            raise errors.InvalidArgumentError(
                "Expected `fit` to be given the callback `TrainingDynamics(schedule, validation_data=…)`, or a custom "
                "loop to call `schedule.attach(optimizer)` first: without them a LearnedSchedule would be constant. "
                "Received: a step without either."
            )
        values, step = self.state.values, ops.cast(step, "float32")
        rate = values["rate"] * self._factor(step)
        if self.cap is None or self.optimizer is None or not self.optimizer.built:
            return rate + 0.0
        return self._capped(step, rate)

    def _capped(self, step, rate):
        """The rate under the cap, at the step that the optimizer is about to make; at others as it is.

        What it depends on is remembered with the number of the step, so that the rate of a step is the same however
        often it is read.
        """
        values, optimizer = self.state.values, self.optimizer
        is_now = ops.equal(step, ops.cast(optimizer._iterations, "float32"))
        index = ops.floor(step / (optimizer.gradient_accumulation_steps or 1))
        is_next = index > values["index"]
        before = ops.where(is_next, values["used"], values["before"])
        length, first_length = update_length.of_slots(optimizer, before), values["length"] + 0.0
        is_first = values["index"] + ops.cast(is_next, "float32") <= 0
        length = first_length if length is None else ops.where(is_first | (length <= 0), first_length, length)
        limited = decisions.capped(rate, update_length.norm(optimizer._trainable_variables), length, self.cap)
        limited = ops.where(is_now, limited, rate)
        lowered = ops.where(limited < rate, limited / self._factor(step), values["rate"])
        for name, value in (("rate", lowered), ("before", before), ("used", limited), ("index", index)):
            values[name].assign(ops.where(is_now, value, values[name]))
        return limited

    def _factor(self, step):
        values = self.state.values
        total = values["total"] + 0.0
        factor = decisions.base_factor(self.controller.config, step - values["start"], ops.maximum(total, 1.0))
        # At the very end of a cosine a rate of 0 would be divided by.
        return ops.where(total > 0, ops.maximum(factor, 1e-4), ops.ones_like(factor))

    def attach(self, optimizer, first_length=0.0):
        """Says whose rate this is; what `TrainingDynamics` does when a training begins, and a custom loop before it.

        Args:
            optimizer: Keras optimizer, whose momenta the cap is measured with.
            first_length: ≥ 0, length of its first update over the rate, see `update_length.first`; 0: not known.
        """
        self.optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        self.is_fed = True
        self.state.values["fed"].assign(1.0)
        self.state.values["length"].assign(first_length)

    def begin(self, step, total_steps=None):
        """Tells the controller where a training begins, and its number of steps; None: unknown."""
        self.state.values["start"].assign(float(step))
        self.state.values["total"].assign(float(total_steps or 0))

    def update(self, step, **measured):
        """A decision of the controller: the new rate, a float32 scalar.

        Args:
            step: int, how many steps were made.
            **measured: the fields of `Measurements` that `observation.needed(controller.config)` names, but the rate,
                which is known.

        Raises:
            InvalidArgumentError: if one is missing.

        Example of a custom loop, every 10 steps:

        ```python
        schedule.update(step, training_loss=mean_of_10_steps, validation_loss=..., layer_mean=..., ...)
        ```
        """
        config, values = self.controller.config, self.state.values
        missing = [name for name in observation.needed(config) if name != "rate" and measured.get(name) is None]
        if missing:
            raise errors.InvalidArgumentError(f"Expected `update` to be given {missing}. Received: {sorted(measured)}.")
        rate = values["rate"] + 0.0
        measured = {name: ops.cast(value, "float32") for name, value in measured.items()}
        share = (ops.cast(step, "float32") - values["start"]) / ops.maximum(values["total"] + 0.0, 1.0)
        share = ops.where(values["total"] > 0, ops.minimum(share, 1.0), -1.0)  # negative: not known
        memory = {name: variable + 0.0 for name, variable in self.state.memory.items()}
        seen = Measurements(rate=rate, **measured)
        features, kept = observation.observe(config, memory, seen, share)
        action, states = self.controller(features[None], [state + 0.0 for state in self.state.recurrent])
        new = decisions.next_rate(config, rate, self.initial_learning_rate, action[0], self.lowest, self.highest)
        for name, variable in self.state.memory.items():
            variable.assign(kept[name])
        for variable, state in zip(self.state.recurrent, states, strict=True):
            variable.assign(state)
        values["rate"].assign(new)
        values["fed"].assign(1.0)
        return new

    def cut(self):
        """Lowers the rate after a loss that is not finite."""
        self.state.values["rate"].assign(ops.maximum(self.state.values["rate"] * CUT, self.lowest))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate, "every": self.every, "lowest": self.lowest,
            "highest": None if self.highest == math.inf else self.highest, "cap": self.cap, "name": self.name,
            "controller": weights.to_text(self.controller),
            "state": self.state.to_text(),
        }  # fmt: skip

    @classmethod
    def from_config(cls, config):
        highest = math.inf if config["highest"] is None else config["highest"]
        controller = weights.from_text(config["controller"])
        return cls(**{**config, "highest": highest, "controller": controller})


def _controller(source):
    try:
        return weights.load(source)
    except errors.InvalidArgumentError as error:
        raise errors.InvalidArgumentError(f"Expected a known `controller`. Received: {source!r}: {error}") from error
