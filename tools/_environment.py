"""Makes, repairs or reuses the virtual environment `.venv` of a checkout, with the standard library only.

`.venv/setup.json` says what the environment was made from; while it is being made, it says nothing yet. So an
environment whose making was interrupted is known as such, and made again. Two calls at once wait for each other.
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

SUPPORTED = ("3.11", "3.12", "3.13")
STAMP = "setup.json"
REQUIRED_BYTES = 4 * 10**9  # TensorFlow and the rest take 2.5 GB, and pip as much again while it unpacks the largest
TAIL = 15


class SetupError(Exception):
    """The environment cannot be made: what is missing, and what to do about it."""


def prepare(root, explicit_python):
    """Makes sure that `root/.venv` holds what `root/setup.py` asks for.

    An interpreter that the user chose (`explicit_python`) replaces one of another version. Raises a `SetupError` if
    something is missing or pip fails.
    """
    environment = root / ".venv"
    with _locked(root) as lock:
        stamp = read_stamp(environment)
        version = _version(environment / "bin" / "python")
        wanted = {
            "setup.py": hashlib.sha256((root / "setup.py").read_bytes()).hexdigest(),
            "python": version if version in SUPPORTED and not explicit_python else _own_version(),
            "root": str(root),
        }
        if version is not None and stamp == wanted:
            return
        usable = _is_usable(stamp, version, wanted)
        if not (stamp and usable):
            check_space(root)
        if not usable:
            _clear(environment)
            wanted["python"] = _own_version()
        write_stamp(environment, {})
        _install(root, environment, lock)
        write_stamp(environment, wanted)


def read_stamp(environment):
    """What the environment was made from, {} if it is unfinished, None if it was not made by this program."""
    try:
        stamp = json.loads((environment / STAMP).read_text())
        return stamp if isinstance(stamp, dict) else {}
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}


def write_stamp(environment, stamp):
    partial = environment / (STAMP + ".partial")
    partial.write_text(json.dumps(stamp))
    os.replace(partial, environment / STAMP)


def check_space(root):
    """Raises a `SetupError` where the disk has no room for the environment."""
    free = shutil.disk_usage(root).free
    if free < REQUIRED_BYTES:
        raise SetupError(
            f"Expected {REQUIRED_BYTES / 1e9:.0f} GB of free disk space in {root}. Received: {free / 1e9:.1f} GB."
        )


def _is_usable(stamp, version, wanted):
    """Whether pip can bring the environment up to date; else it is made again.

    A working one without a stamp is the user's own: it is completed, never thrown away.
    """
    if stamp is None and version not in (None, wanted["python"]):
        raise SetupError(
            f"Expected .venv to have Python {wanted['python']}. Received: an environment of your own with Python "
            f"{version}. Move it away."
        )
    if version is None or version != wanted["python"]:
        return False
    return stamp is None or (stamp.get("root"), stamp.get("python")) == (wanted["root"], version)


def _clear(environment):
    """Leaves an empty, marked directory; refuses one that is no virtual environment."""
    if environment.exists() and not environment.is_dir():
        raise SetupError(f"Expected {environment} to be a directory or absent. Received: a file. Move it away.")
    environment.mkdir(exist_ok=True)
    content = list(environment.iterdir())
    if content and not any((environment / name).exists() for name in (STAMP, "pyvenv.cfg")):
        raise SetupError(f"Expected {environment} to be a virtual environment. Received: other files. Move them away.")
    write_stamp(environment, {})
    for path in content:
        if path.name != STAMP:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _install(root, environment, lock):
    python = environment / "bin" / "python"
    base = getattr(sys, "_base_executable", None) or sys.executable
    _say(f"Setting up {environment}, 2.5 GB: a few minutes. Log: {environment / 'setup.log'}")
    with open(environment / "setup.log", "w") as log:
        run = functools.partial(_run, root=root, log=log, lock=lock)
        if not python.exists():
            run([base, "-m", "venv", "--without-pip", environment], purpose="make the environment")
        if _has_no_pip(python):
            command = [python, "-m", "ensurepip", "--default-pip"]
            if importlib.util.find_spec("ensurepip") is None:  # Debian ships it apart; its own pip can do the work
                command = [base, "-m", "pip", "--python", python, "install", "pip"]
            run(command, purpose="install pip")
        run([python, "-m", "pip", "install", "--no-input", "--editable", ".[test]"], purpose="install the packages")


def _run(command, purpose, root, log, lock):
    """Runs a command that holds the lock too: should this process be killed, a later call waits for the child."""
    settings = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    command = [str(part) for part in command]
    log.write(f"$ {' '.join(command)}\n")
    log.flush()
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=root, env=settings, errors="replace", pass_fds=(lock,), **pipes) as process:
        lines = []
        for line in process.stdout:
            log.write(line)
            lines = [*lines, line][-TAIL:]
            if line.startswith(("Collecting ", "Installing collected ", "Preparing editable")):
                _say("  " + line.strip()[:100])
    if process.returncode != 0:
        raise SetupError(
            f"Could not {purpose}: `{' '.join(command)}` ended with status {process.returncode}. Its last lines:\n\n"
            f"{''.join(lines)}\nThe whole log: {log.name}. If it speaks of connections, timeouts or versions that were "
            "not found, the package registry cannot be reached from here: check the network, a proxy or PIP_INDEX_URL."
        )


def _has_no_pip(python):
    return subprocess.run([python, "-c", "import pip"], stderr=subprocess.DEVNULL).returncode != 0


def _version(python):
    """Its version, such as 3.12, or None if the interpreter does not run."""
    command = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _own_version():
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


@contextlib.contextmanager
def _locked(root):
    """Holds the lock of the checkout, which the system gives back however the process ends; yields its descriptor."""
    with open(root / ".venv.lock", "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another call that is setting up .venv")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream.fileno()


def _say(text):
    print(text, file=sys.stderr, flush=True)


def main(arguments):
    """Prepares the checkout at the path given; returns the exit status."""
    try:
        prepare(pathlib.Path(arguments[0]), explicit_python=bool(os.environ.get("PYTHON")))
    except SetupError as error:
        _say(str(error))
        return 1
    except OSError as error:
        _say(f"Expected to write to {arguments[0]}/.venv. Received: {error}.")
        return 1
    except KeyboardInterrupt:
        _say("Interrupted. The next call starts where it has to.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
