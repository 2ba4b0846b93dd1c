"""How a search on several workers deals with those that die."""

import dataclasses
import os

from keras_hparam import errors
from keras_hparam.configuration import Configuration, is_integer, is_number

VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@dataclasses.dataclass(frozen=True)
class ParallelSettings(Configuration):
    """Time limits of a search on several workers. The chief's count: workers learn them from it.

    Args:
        lease_seconds: > 0, after which a trial is given to another worker if its own was not heard of; it renews four
            times in that time.
        trial_seconds: > 0 or None, how long a trial may take. One that takes longer fails; a worker that hangs in it
            leaves, and the trial is given to another one.
        max_losses: int ≥ 1, how many workers may be lost in a trial before it counts as failed: a trial that kills
            each process which runs it, for want of memory for instance, must not end the search.
        chief_seconds: > 0, how long a worker waits for a chief that cannot be reached, as while it is restarted.
    """

    lease_seconds: float = 60.0
    trial_seconds: float | None = None
    max_losses: int = 3
    chief_seconds: float = 600.0

    def __post_init__(self):
        for name in ("lease_seconds", "chief_seconds"):
            self.require(name, is_number(getattr(self, name), 0), "a finite number > 0")
        good = self.trial_seconds is None or is_number(self.trial_seconds, 0)
        self.require("trial_seconds", good, "a finite number > 0 or None")
        self.require("max_losses", is_integer(self.max_losses, 1), "an int ≥ 1")


def role():
    """ "chief", "worker" or "alone", from KerasTuner's environment variables.

    Raises:
        InvalidArgumentError: if some are set and others are not, or the port is none.
    """
    given = {name: os.environ.get(name) for name in VARIABLES}
    if not given["KERASTUNER_ORACLE_IP"]:
        return "alone"
    missing = [name for name, value in given.items() if not value]
    port = given["KERASTUNER_ORACLE_PORT"] or ""
    if missing or not (port.isdigit() and 0 < int(port) < 65536):
        raise errors.InvalidArgumentError(
            f"Expected the environment variables {', '.join(VARIABLES)}: a name for each process, of which the chief's "
            f"contains 'chief', and its address and port. Received: {given}."
        )
    return "chief" if "chief" in given["KERASTUNER_TUNER_ID"] else "worker"


def address():
    """host:port of the chief."""
    return f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}"
