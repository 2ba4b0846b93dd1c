"""The program on two workers, as two processes of this machine, against one process with two replicas."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np

from keras_hparam import checkpoints

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ["--steps=3", "--width=16", "--layers=1", "--heads=2", "--trials_per_batch=64", "--max_parameters=4",
        "--warmup_steps=1", "--tokenizer_studies=100", "--vocabulary_size=330", "--checkpoint_every=2",
        "--evaluate_every=3"]  # fmt: skip


def start(workdir, *flags, **environment):
    command = [sys.executable, str(ROOT / "tools" / "pretrain_optformer.py"), f"--workdir={workdir}", *TINY, *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", **environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def free_ports(count):
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def test_two_workers_make_the_weights_of_one_process_and_only_the_first_writes(tmp_path):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    workers = []
    for index in (0, 1):
        task = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        workers.append(start(tmp_path / str(index), "--strategy=multi_worker", TF_CONFIG=task))
    alone = start(tmp_path / "one", "--strategy=mirrored", "--logical_cpus=2")
    results = [finish(process) for process in (*workers, alone)]
    assert [code for code, _, _ in results] == [0, 0, 0], [err[-3000:] for _, _, err in results]
    one = checkpoints.load_weights(tmp_path / "one" / "weights", kind="optformer")
    two = checkpoints.load_weights(tmp_path / "0" / "weights", kind="optformer")
    for name, expected in one.weights.items():
        np.testing.assert_allclose(two.weights[name], expected, atol=1e-5, err_msg=name)
    figures = [found.manifest["training"]["figures"] for found in (one, two)]
    assert figures[0]["step"] == 3 and {"objective", "values", "held_out_nll", "coverage_90"} < set(figures[0])
    for name, value in figures[0].items():
        assert abs(figures[1][name] - value) <= 2e-4, name
    assert "step 3/3" in results[0][1] and results[1][1] == ""
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["tokenizer.model"]
    assert checkpoints.CheckpointManager(tmp_path / "0" / "checkpoints").steps() == [2, 3]


def test_a_strategy_that_cannot_be_given_is_an_error_before_any_work(tmp_path):
    environment = {name: "" for name in ("TF_CONFIG", "TPU_NAME")}
    running = [
        start(tmp_path / "a", "--strategy=multi_worker", **environment),
        start(tmp_path / "b", "--strategy=tpu", "--tpu=grpc://127.0.0.1:1", **environment),
        start(tmp_path / "c", "--strategy=multi_worker", TF_CONFIG='{"task": {"type": "worker", "index": 0}}'),
        start(tmp_path / "d", "--logical_cpus=2", **environment),
    ]
    said = ["UnavailableError: Expected the environment variable TF_CONFIG", "UnavailableError: Expected a TPU at",
            "InvalidArgumentError: Expected TF_CONFIG such as", "--logical_cpus needs --strategy=mirrored"]  # fmt: skip
    for process, expected in zip(running, said, strict=True):
        code, out, err = finish(process)
        assert code == 1 and expected in err and out == ""
    assert list(tmp_path.iterdir()) == []
