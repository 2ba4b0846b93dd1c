"""The program that trains controllers: two workers, a kill, wrong flags."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
from keras import ops

from keras_hparam import checkpoints
from keras_hparam.learned_schedules import weights

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = [
    "--tasks=regression", "--updates=12", "--decisions=2", "--copies=2", "--trainees=2", "--steps=1,2", "--epochs=1",
    "--minibatches=1", "--validate_every=6", "--validation_trainees=2", "--validation_rates=1", "--checkpoint_every=1",
    '--controller_config={"widths": [4], "features": ["rate", "training_loss"]}',
]  # fmt: skip
UPDATES = 12


def start(workdir, *flags, **environment):
    program = ROOT / "tools" / "train_schedule_controller.py"
    command = [sys.executable, str(program), f"--workdir={workdir}", *TINY, *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", **environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def kill_after_the_first_checkpoint(process, workdir):
    """The update of the newest checkpoint that the killed process leaves."""
    manager = checkpoints.CheckpointManager(workdir / "checkpoints", kind="controller-training")
    deadline = time.monotonic() + 600
    while not manager.steps() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    finish(process)
    return manager.steps()[-1]


def test_two_workers_make_the_controller_of_one_process_that_was_killed_and_only_the_first_writes(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        cluster = {"worker": [f"127.0.0.1:{server.getsockname()[1]}" for server in (one, two)]}
    workers = []
    for index in (0, 1):
        task = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        workers.append(start(tmp_path / str(index), "--strategy=multi_worker", TF_CONFIG=task))
    first = kill_after_the_first_checkpoint(start(tmp_path / "one"), tmp_path / "one")
    assert 0 < first < UPDATES and not (tmp_path / "one" / "weights").exists()
    results = [finish(process) for process in (*workers, start(tmp_path / "one"))]
    assert [code for code, _, _ in results] == [0, 0, 0], [err[-3000:] for _, _, err in results]
    made, alone = (weights.load(tmp_path / name / "weights") for name in ("0", "one"))
    for a, b in zip(made.weights, alone.weights, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-3, atol=1e-5)
    updates = [line.split("/")[0] for line in results[2][1].splitlines() if f"/{UPDATES}  regression" in line]
    assert updates == [str(update) for update in range(first + 1, UPDATES + 1)]
    assert results[1][1] == "" and not (tmp_path / "1").exists()
    curve = json.loads((tmp_path / "0" / "curve.json").read_text())
    assert [validated["update"] for validated in curve] == [0, 6, 12]
    assert (tmp_path / "0" / "curve.png").read_bytes().startswith(b"\x89PNG")
    facts = checkpoints.load_weights(tmp_path / "0" / "weights", kind="schedule_controller").manifest["training"]
    assert facts["figures"]["score"] == min(validated["score"] for validated in curve)
    assert list((tmp_path / "0" / "tensorboard").rglob("events*"))


def test_the_flag_files_have_flags_of_the_program():
    files = sorted((ROOT / "configs" / "learned_schedules").glob("*.flags"))
    assert "controller.flags" in {file.name for file in files}
    code = "import sys, train_schedule_controller as tool\ntool.FLAGS(sys.argv)\nprint(tool.FLAGS.name)"
    for file in files:
        command = [sys.executable, "-c", code, "--workdir=w", f"--flagfile={file}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT / "tools", capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and done.stdout.startswith("schedule-controller"), done.stderr
        assert f"--flagfile=configs/learned_schedules/{file.name}" in file.read_text()


def test_wrong_flags_are_errors_before_any_work(tmp_path):
    wrong = {
        "--steps=4": "`steps`", "--steps=a,b": "--steps to be numbers", "--rates=3,1": "`rates`",
        "--tasks=digits": "Received: 'digits'", "--tasks=": "`families`", "--tasks=dense:x": "Received: 'x'",
        "--controller_config={": "--controller_config to be JSON", "--sources=nowhere.npz": "nowhere.npz",
        "--sources=omniglot": "omniglot_small1.npz", "--logical_cpus=2": "--logical_cpus needs",
        "--total_steps_known=2": "`total_steps_known`", "--optimizers=magic": "`optimizers`",
        "--init_weights=learned-nn": "schedule_controller",
    }  # fmt: skip
    code = (
        "import json, sys, train_schedule_controller as tool\n"
        "from absl import flags\n"
        "for given in json.loads(sys.argv[1]):\n"
        "    tool.FLAGS.unparse_flags()\n"
        "    [tool.FLAGS[name].using_default_value or tool.FLAGS[name].unparse() for name in tool.FLAGS]\n"
        "    try:\n        tool.FLAGS(['tool', *given]); print(tool.main(['tool']))\n"
        "    except (flags.Error, tool.errors.KerasHparamError) as error: print(str(error).replace(chr(10), ' '))\n"
    )
    arguments = json.dumps([[f"--workdir={tmp_path / 'w'}", *TINY, given] for given in wrong])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", code, arguments]
    done = subprocess.run(command, cwd=ROOT / "tools", env=environment, capture_output=True, text=True, check=True)
    for (given, message), said in zip(wrong.items(), done.stdout.splitlines(), strict=True):
        assert message in said, given
    assert list(tmp_path.iterdir()) == []
