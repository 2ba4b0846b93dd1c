"""What a learned schedule has to remember: variables that the compiled training step reads, to bytes and back."""

import base64

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.checkpoints import npz
from keras_hparam.learned_schedules import observation

_PENDING = "pending/"


class ScheduleState:
    """The variables of a schedule, and what was observed since the last decision.

    Args:
        controller: `Controller`.
        rate: float, the first rate.

    Attributes:
        values: dict of scalar Variables: "rate", without the base's factor; "used" and "before", the rates of the last
            step and of that before; "index", the number of the last step of the optimizer; "length" of its first
            update; "start" and "total", the first step of the training and the number of its steps, 0 if unknown;
            "fed", 1 once something has made decisions.
        memory: dict of scalar Variables, see `observation.initial_state`.
        recurrent: list of Variables [1, U], of a recurrent controller.
        pending: dict of arrays and numbers, what `TrainingDynamics` has seen since the last decision.
    """

    def __init__(self, controller, rate):
        start = {"rate": rate, "used": rate, "before": rate, "index": -1.0}
        start |= dict.fromkeys(("length", "start", "total", "fed"), 0.0)
        self.values = {name: _variable(name, value) for name, value in start.items()}
        memory = observation.initial_state(controller.config)
        self.memory = {name: _variable(name, value) for name, value in memory.items()}
        states = controller.initial_states(1)
        self.recurrent = [_variable(f"recurrent_{index}", state) for index, state in enumerate(states)]
        self.pending = {}

    def number(self, name):
        """One of `values` as a float."""
        return float(ops.convert_to_numpy(self.values[name]))

    def forget(self, rate):
        """A new training begins with a rate; nothing was observed yet."""
        for variable in [*self.memory.values(), *self.recurrent]:
            variable.assign(ops.zeros_like(variable))
        self.values["rate"].assign(rate)
        self.pending = {}

    def variables(self):
        """All variables by name."""
        groups = {"value": self.values, "memory": self.memory, "recurrent": dict(enumerate(self.recurrent))}
        return {f"{group}/{name}": variable for group, found in groups.items() for name, variable in found.items()}

    def to_bytes(self):
        """All of it as the bytes of an .npz file."""
        arrays = {name: ops.convert_to_numpy(variable) for name, variable in self.variables().items()}
        return npz.to_bytes(arrays | {_PENDING + name: ops.convert_to_numpy(a) for name, a in self.pending.items()})

    def from_bytes(self, content, source="state"):
        """Takes up what `to_bytes` gave.

        Raises:
            CorruptFileError: for other bytes than those of a schedule with such a controller.
        """
        arrays, variables = npz.from_bytes(content, source), self.variables()
        expected = {name: tuple(variable.shape) for name, variable in variables.items()}
        found = {name: array.shape for name, array in arrays.items() if not name.startswith(_PENDING)}
        if found != expected:
            raise errors.CorruptFileError(f"Expected a schedule's variables {expected} in {source}. Received: {found}.")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        self.pending = {name.removeprefix(_PENDING): a for name, a in arrays.items() if name.startswith(_PENDING)}

    def to_text(self):
        """All of it as a text, which a Keras configuration can hold."""
        return base64.b64encode(self.to_bytes()).decode("ascii")

    def from_text(self, text):
        """Takes up what `to_text` gave.

        Raises:
            CorruptFileError: for another text.
        """
        try:
            content = base64.b64decode(text, validate=True)
        except (TypeError, ValueError) as error:
            raise errors.CorruptFileError(
                f"Expected the text of a schedule's state. Received: {str(text)[:80]!r}."
            ) from error
        self.from_bytes(content, "the schedule's state")


def _variable(name, value):
    """A variable that all replicas may assign the same to."""
    return keras.Variable(value, trainable=False, dtype="float32", aggregation="only_first_replica", name=name)
