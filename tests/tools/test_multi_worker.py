"""Several workers on one machine: their TF_CONFIG, what is shown, and how they end. No TensorFlow takes part."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "tools" / "multi_worker.py"
TASK = "import json, os, sys, time\nconfig = json.loads(os.environ['TF_CONFIG'])\nindex = config['task']['index']\n"
WAIT = TASK + "print(os.getpid(), flush=True)\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
# What runs in the background ignores SIGINT, and so would what it starts. No preexec_fn: it forks this process, threads
# and all, and gRPC, which other tests have loaded, may abort the copy.
HEEDS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def start(code, *arguments, workers=2):
    command = [str(PROGRAM), f"--workers={workers}", "--", sys.executable, "-c", code, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", HEEDS, *command], **pipes)


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def pids(paths):
    """The ids that the workers wrote into files, once all have."""
    deadline = time.monotonic() + 60
    while not all(path.exists() and path.read_text() for path in paths) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [int(path.read_text()) for path in paths]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_worker_has_its_task_and_the_chief_alone_is_heard(tmp_path):
    code = TASK + "open(sys.argv[1], 'w').write(json.dumps(config))\nprint('I am', index)\nprint('!', file=sys.stderr)"
    assert finish(start(code, str(tmp_path / "{worker}"), workers=3)) == (0, "I am 0\n", "!\n")
    configs = [json.loads((tmp_path / str(index)).read_text()) for index in range(3)]
    addresses = configs[0]["cluster"]["worker"]
    assert len(set(addresses)) == 3 and all(address.startswith("127.0.0.1:") for address in addresses)
    for index, config in enumerate(configs):
        assert config == {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}


@pytest.mark.parametrize("ends, status", [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)])
def test_a_worker_that_fails_ends_all_and_shows_its_last_lines(tmp_path, ends, status):
    waits = "while not os.path.exists(sys.argv[2]): time.sleep(0.01)"
    fails = f"{waits}\nif index == 1: print('no luck', flush=True); {ends}"
    process = start(WAIT.replace("time.sleep", f"{fails}\ntime.sleep"), str(tmp_path / "{worker}"), str(tmp_path / "0"))
    code, out, err = finish(process)
    assert code == status and f"Worker 1 ended with status {status}." in err
    assert err.splitlines()[-1] == "no luck" and "no luck" not in out
    assert not any(map(is_alive, pids([tmp_path / "0", tmp_path / "1"])))


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_request_to_end_reaches_all_workers(tmp_path, number, status):
    process = start(WAIT, str(tmp_path / "{worker}"))
    found = pids([tmp_path / "0", tmp_path / "1"])
    process.send_signal(number)
    code, _, err = finish(process)
    assert code == status and not any(map(is_alive, found))
    assert err.count("KeyboardInterrupt") == (1 if number == signal.SIGINT else 0)  # the chief's; it may save meanwhile


def test_what_cannot_be_run_is_an_error():
    for command, said in ([[], "Expected a command"], [["--", "/no/such/program"], "/no/such/program"]):
        done = subprocess.run([sys.executable, str(PROGRAM), *command], capture_output=True, text=True)
        assert done.returncode == 1 and said in done.stdout + done.stderr and "Traceback" not in done.stderr
