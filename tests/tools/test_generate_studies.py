"""The program that writes shards: in parallel, resumable, with nothing left running after a kill."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from keras_hparam import checkpoints, errors
from keras_hparam.checkpoints import exclusive
from keras_hparam.optformer.corpus import generation, shards

PROGRAM = pathlib.Path(__file__).parents[2] / "tools" / "generate_studies.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[1])}
CORPUS = generation.Corpus(seed=1, studies=60, studies_per_shard=4, max_trials=20, max_parameters=5)
FLAGS = ["--seed=1", "--studies=60", "--studies_per_shard=4", "--max_trials=20", "--max_parameters=5"]


def _start(directory, *flags):
    command = [sys.executable, str(PROGRAM), f"--output={directory}", *FLAGS, *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, env=ENVIRONMENT, start_new_session=True)


def names(directory):
    """Names of all that a directory holds, but for the mark that it is in use."""
    return sorted(path.name for path in directory.iterdir() if path.name != exclusive.NAME)


def _group(session):
    """Ids of the processes of a session that run."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="asks /proc for processes")
def test_a_killed_run_leaves_no_process_and_is_completed_by_the_next(tmp_path):
    killed = _start(tmp_path, "--processes=2")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(shards.PATTERN)) and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(errors.InUseError, match=f'"process": {killed.pid}'):
        checkpoints.Exclusive(tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    present = len(list(tmp_path.glob(shards.PATTERN)))
    assert 1 <= present < 15
    while _group(killed.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group(killed.pid)

    again = _start(tmp_path, "--processes=2")
    output, problems = again.communicate(timeout=60)
    assert again.returncode == 0, problems
    assert "shards are there" in output and "60 studies" in output
    assert names(tmp_path) == [f"shard-{index:06d}" for index in range(15)]
    for index in (0, 7, 14):  # whichever process made them, they are what they would be anywhere
        generation.generate_shard(CORPUS, tmp_path / "expected", index)
        expected, made = (shards.shard_path(root, index) / shards.FILE for root in (tmp_path / "expected", tmp_path))
        assert expected.read_bytes() == made.read_bytes()


@pytest.mark.parametrize(
    "flag, named",
    [("--studies=0", "studies"), ("--processes=0", "processes"), ("--seed=2", "seed"), ("stray", "stray"),
     ("--data_dir=/nowhere", "data_dir")],
)  # fmt: skip
def test_wrong_flags_are_named_at_once(tmp_path, flag, named):
    generation.generate_shard(CORPUS, tmp_path, 0)
    failed = _start(tmp_path, flag)
    output, problems = failed.communicate(timeout=60)
    assert failed.returncode != 0 and named in problems and "Traceback" not in problems and output == ""
    assert len(names(tmp_path)) == 1


def test_the_flag_file_has_flags_of_the_program():
    config = PROGRAM.parents[1] / "configs" / "optformer" / "studies.flags"
    code = (
        "import sys, generate_studies as g; g.FLAGS(['x', '--output=o', sys.argv[1]]);"
        "print(g.FLAGS.studies, g.FLAGS.max_trials)"
    )
    command = [sys.executable, "-c", code, f"--flagfile={config}"]
    cwd = PROGRAM.parent
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd, env=ENVIRONMENT)
    assert done.stdout.split() == ["100000", "200"]
