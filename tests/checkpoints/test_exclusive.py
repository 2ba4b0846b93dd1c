"""A directory belongs to one process at a time, until that process ends, however it ends."""

import errno
import subprocess
import sys

import pytest

from keras_hparam import errors
from keras_hparam.checkpoints.exclusive import Exclusive, require_free

HOLD = """
import sys, time
from keras_hparam.checkpoints.exclusive import Exclusive
held = Exclusive(sys.argv[1], "workdir")
print("held", flush=True)
time.sleep(600)
"""


def test_a_second_user_is_refused_and_told_who_has_it(tmp_path):
    with Exclusive(tmp_path / "work", "workdir"):
        with pytest.raises(errors.InUseError, match='Expected `workdir` .*work.*"process": '):
            Exclusive(tmp_path / "work", "workdir")
    with Exclusive(tmp_path / "work"):
        pass


def test_a_kill_frees_it(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(errors.InUseError, match=str(process.pid)):
        Exclusive(tmp_path)
    process.kill()
    process.wait()
    Exclusive(tmp_path).release()


def test_releasing_twice_is_harmless(tmp_path):
    held = Exclusive(tmp_path)
    held.release()
    with Exclusive(tmp_path):
        held.release()  # what it opened may have another owner by now
        with pytest.raises(errors.InUseError):
            Exclusive(tmp_path)


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(errors.UnavailableError, match="Expected `workdir` .* on a file system with locks.*No locks"):
        Exclusive(tmp_path, "workdir")


def test_asking_whether_it_is_free_holds_and_makes_nothing(tmp_path):
    require_free(tmp_path / "new", "--workdir")
    assert not (tmp_path / "new").exists()
    with Exclusive(tmp_path):
        with pytest.raises(errors.InUseError, match="Expected `--workdir` .*one program at a time"):
            require_free(tmp_path, "--workdir")
    before = (tmp_path / ".in_use").read_bytes()
    require_free(tmp_path)
    require_free(tmp_path)
    assert (tmp_path / ".in_use").read_bytes() == before
    Exclusive(tmp_path).release()
