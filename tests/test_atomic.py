"""Files and directories appear whole or not at all, whenever the process is killed."""

import os
import subprocess
import sys
import textwrap

import pytest

from keras_hparam import atomic


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_write_bytes_replaces_and_leaves_nothing_else(tmp_path):
    atomic.write_bytes(tmp_path / "deep" / "er" / "a.txt", b"one")
    atomic.write_bytes(tmp_path / "deep" / "er" / "a.txt", b"two")
    assert contents(tmp_path / "deep" / "er") == {"a.txt": b"two"}


def test_write_directory_replaces_all_files(tmp_path):
    atomic.write_directory(tmp_path / "d", {"a": b"1", "b": b"2"})
    atomic.write_directory(tmp_path / "d", {"b": b"3"})
    assert contents(tmp_path / "d") == {"b": b"3"}
    assert os.listdir(tmp_path) == ["d"]


def test_permissions_follow_the_umask(tmp_path):
    atomic.write_directory(tmp_path / "d", {"a": b"1"})
    os.mkdir(tmp_path / "plain")
    (tmp_path / "plain" / "a").write_bytes(b"1")
    for name in ("", "a"):
        assert (tmp_path / "d" / name).stat().st_mode == (tmp_path / "plain" / name).stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    atomic.write_directory(tmp_path / "target", {"a": b"1"})
    (tmp_path / "latest").symlink_to("target")
    atomic.write_directory(tmp_path / "latest", {"a": b"2"})
    assert (tmp_path / "latest").is_symlink() and contents(tmp_path / "target") == {"a": b"2"}


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_and_no_litter(tmp_path, monkeypatch, function):
    atomic.write_bytes(tmp_path / "f", b"old")
    atomic.write_directory(tmp_path / "d", {"a": b"old"})

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError):
        atomic.write_bytes(tmp_path / "f", b"new")
    with pytest.raises(OSError):
        atomic.write_directory(tmp_path / "d", {"a": b"new"})
    monkeypatch.undo()
    assert (tmp_path / "f").read_bytes() == b"old" and contents(tmp_path / "d") == {"a": b"old"}
    assert sorted(os.listdir(tmp_path)) == ["d", "f"]


def test_remove_directory(tmp_path):
    atomic.write_directory(tmp_path / "d", {"a": b"1"})
    atomic.remove_directory(tmp_path / "d")
    assert os.listdir(tmp_path) == []


# Writes "new" over "old" in child processes; the n-th of them is killed at its n-th use of the file system.
KILLED_WRITERS = textwrap.dedent(
    """
    import os, pathlib, sys
    from keras_hparam import atomic

    EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree")

    def kill_at(point):
        seen = 0
        def hook(event, _):
            nonlocal seen
            seen += event in EVENTS
            if seen > point:
                os._exit(9)
        sys.addaudithook(hook)

    for point in range(100):
        root = pathlib.Path(sys.argv[1]) / f"{point:02d}"
        atomic.write_bytes(root / "f", b"old")
        atomic.write_directory(root / "d", {"a": b"old", "b": b"old"})
        child = os.fork()
        if child == 0:
            kill_at(point)
            atomic.write_bytes(root / "f", b"new")
            atomic.write_directory(root / "d", {"a": b"new", "c": b"new"})
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
    """
)


def test_a_kill_at_any_point_leaves_the_old_or_the_new(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED_WRITERS, str(tmp_path)], check=True)
    runs = sorted(tmp_path.iterdir())
    states = []
    for root in runs:
        directory = contents(atomic.newest(root / "d"))
        assert directory in ({"a": b"old", "b": b"old"}, {"a": b"new", "c": b"new"})
        states.append(((root / "f").read_bytes(), directory["a"]))
    assert 10 < len(runs) < 100
    assert states == sorted(states, reverse=True)  # "old" > "new": once new, always new
    assert states[0] == (b"old", b"old") and (b"new", b"old") in states and states[-1] == (b"new", b"new")
    assert any(not (root / "d").exists() for root in runs)  # the instant between the renames was hit, and survived
    for root in runs:
        atomic.write_directory(root / "d", {"a": b"again"})
        assert contents(atomic.newest(root / "d")) == {"a": b"again"} and not atomic.previous(root / "d").exists()
