"""Wrong flags end the main program at once and by name."""

import pathlib
import subprocess
import sys

import pytest

TOOLS = pathlib.Path(__file__).parents[2] / "tools"


@pytest.mark.parametrize(
    "flag, named",
    [
        ("--max_trials=0", "max_trials"),
        ("--max_trials=many", "max_trials"),
        ("--tuner=grid", "tuner"),
        ("--seed=-1", "seed"),
        ("--epochs=0", "epochs"),
        ("--workdir=", "workdir"),
        ("--train_size=1700", "train_size"),
        ("--strategy=cloud", "strategy"),
        ("--acquisition=best", "acquisition"),
        ("--prior=local,grid", "prior"),
        ("--prior=", "prior"),
        ("--pending=liar", "pending"),
        ("--workers=-1", "workers"),
        ("--role=boss", "role"),
        ("--role=chief", "--address=host:port"),
        ("--address=here", "address"),
        ("--no_such_flag", "no_such_flag"),
        ("stray", "stray"),
    ],
)
def test_a_wrong_flag_is_named_at_once(tmp_path, flag, named):
    command = [sys.executable, str(TOOLS / "tune.py"), f"--workdir={tmp_path / 'new'}", flag]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0 and named in done.stderr
    assert "Traceback" not in done.stderr and "loading" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_demonstrations_flags_are_flags_of_the_program():
    config = TOOLS.parent / "configs" / "optformer" / "digits.flags"
    code = (
        "import sys; import tune; tune.FLAGS(['tune', sys.argv[1]]);"
        "print(tune.FLAGS.tuner, tune.FLAGS.max_trials, tune.FLAGS.overwrite)"
    )
    command = [sys.executable, "-c", code, f"--flagfile={config}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOOLS)
    assert done.stdout.split() == ["optformer", "20", "True"]
