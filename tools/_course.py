"""What the programs that train have in common: a workdir of their own; lines, logs and curves that they leave in it."""

import contextlib
import json
import math
import pathlib
import sys

from absl import flags

from keras_hparam import atomic, checkpoints, distribute
from keras_hparam.checkpoints import exclusive


def is_chief(strategy):
    """Whether this process writes."""
    return strategy is None or distribute.is_chief(strategy)


def held(workdir, strategy=None):
    """A context in which no other program may use the workdir; those that only read it do not ask.

    Raises:
        InUseError: if another program has it.
    """
    return checkpoints.Exclusive(workdir, "--workdir") if is_chief(strategy) else contextlib.nullcontext()


def check_free(workdir):
    """Says at once, before libraries are loaded, that another program has the workdir; `held` then keeps it.

    Raises:
        InUseError: if another program has it. Workers, who share theirs, are not asked.
    """
    if flags.FLAGS.strategy != "multi_worker":
        exclusive.require_free(workdir, "--workdir")


@contextlib.contextmanager
def progress(workdir, strategy, total):
    """A progress callback (step, figures, seconds) that prints a line for each step and logs its figures."""
    from keras_hparam.reports.scalar_log import ScalarLog

    if not is_chief(strategy):
        yield lambda *_: None
        return
    with ScalarLog(pathlib.Path(workdir) / "tensorboard") as log:
        yield lambda step, figures, seconds: _report(log, step, total, figures, seconds)


def _report(log, step, total, figures, seconds):
    numbers = {name: value for name, value in figures.items() if not isinstance(value, str)}
    log.write(step, {**numbers, "seconds": seconds})
    shown = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    left = f"{seconds:.2f} s  {(total - step) * seconds / 60:.0f} min left"
    print(f"{step}/{total}  {figures['family']}  {shown}  {left}", flush=True)


def write_curve(workdir, history, step):
    """Writes curve.json and curve.png; `step`: the name of the step in the history."""
    from keras_hparam import reports
    from keras_hparam.reports import validation_curves

    finite = [{k: v if math.isfinite(v) else None for k, v in validated.items()} for validated in history]
    atomic.write_bytes(pathlib.Path(workdir) / "curve.json", json.dumps(finite, indent=1).encode())
    reports.save_figure(validation_curves.curve_figure(history, step), pathlib.Path(workdir) / "curve.png")


def flag_file():
    """The path after --flagfile=, or None."""
    return next((argument.split("=", 1)[1] for argument in sys.argv if argument.startswith("--flagfile=")), None)
