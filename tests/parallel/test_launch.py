"""Processes of workers: devices, names, logs, new starts and ends; the command is a line of Python."""

import os
import sys
import time

import pytest

from keras_hparam import errors

SAY = "import os; print(*(os.environ.get(n) for n in ('KERASTUNER_TUNER_ID', 'KERASTUNER_ORACLE_IP', "
SAY += "'KERASTUNER_ORACLE_PORT', 'CUDA_VISIBLE_DEVICES', 'OMP_NUM_THREADS')), flush=True)"


def wait(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers_of(code, number, directory, **kwargs):
    from keras_hparam import parallel

    return parallel.Workers([sys.executable, "-c", code], number, "127.0.0.1:4000", directory, **kwargs)


def test_each_worker_has_a_name_a_device_and_a_log(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with workers_of(SAY, 3, tmp_path, gpus=2) as workers:
        wait(lambda: all(process.poll() == 0 for process in workers.processes()))
        workers.check()
    said = [(tmp_path / f"worker-{n}.log").read_text().split()[:4] for n in (1, 2, 3)]
    assert said == [[f"worker-{n}.1", "127.0.0.1", "4000", gpu] for n, gpu in ((1, "0"), (2, "1"), (3, "0"))]


def test_without_gpus_workers_share_the_cores(tmp_path):
    with workers_of(SAY, 2, tmp_path) as workers:
        wait(lambda: all(process.poll() == 0 for process in workers.processes()))
    assert (tmp_path / "worker-1.log").read_text().split()[-1] == str(max(1, os.cpu_count() // 2))


def test_a_worker_that_dies_is_started_again_under_another_name(tmp_path):
    mark = tmp_path / "mark"
    code = f"import os, pathlib, time; p = pathlib.Path({str(mark)!r}); {SAY.removeprefix('import os; ')}\n"
    code += "if not p.exists(): p.touch(); os.kill(os.getpid(), 9)\ntime.sleep(600)"
    with workers_of(code, 1, tmp_path) as workers:
        wait(lambda: workers.processes()[0].poll() is not None)
        workers.check()
        wait(lambda: (tmp_path / "worker-1.log").read_text().count("worker-1.") == 2)
        assert "worker-1.2 " in (tmp_path / "worker-1.log").read_text()
        process = workers.processes()[0]
        assert process.poll() is None
        workers.__exit__()
    assert process.returncode == -9


def test_workers_that_cannot_start_end_the_search_with_what_they_said(tmp_path):
    with workers_of("raise SystemExit('no data here')", 2, tmp_path) as workers:
        with pytest.raises(errors.UnavailableError, match="3 times soon after its start(.|\n)*no data here"):
            for _ in range(4):
                wait(lambda: all(process.poll() is not None for process in workers.processes()))
                workers.check()
