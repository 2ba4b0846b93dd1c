"""The program that trains controllers: two workers, a kill, wrong flags."""

import json

import numpy as np
from keras import ops

from keras_hparam import checkpoints
from keras_hparam.learned_schedules import weights
from tests.tools.training_programs import ROOT, Program, finish

TINY = [
    "--tasks=regression", "--updates=12", "--decisions=2", "--copies=2", "--trainees=2", "--steps=1,2", "--epochs=1",
    "--minibatches=1", "--validate_every=6", "--validation_trainees=2", "--validation_rates=1", "--checkpoint_every=1",
    '--controller_config={"widths": [4], "features": ["rate", "training_loss"]}',
]  # fmt: skip
UPDATES = 12


PROGRAM = Program("train_schedule_controller", TINY, "controller-training")


def test_two_workers_make_the_controller_of_one_process_that_was_killed_and_only_the_first_writes(tmp_path):
    workers, first = PROGRAM.start_workers(tmp_path), PROGRAM.killed(tmp_path / "one")
    assert 0 < first < UPDATES and not (tmp_path / "one" / "weights").exists()
    results = [finish(process) for process in (*workers, PROGRAM.start(tmp_path / "one"))]
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
    for file in files:
        assert PROGRAM.parse(file) == "schedule-controller"
        assert f"--flagfile=configs/learned_schedules/{file.name}" in file.read_text()


def test_help_tells_of_its_own_flags_and_of_the_devices():
    said = PROGRAM.help()
    assert all(f"--{name}" in said for name in ("workdir", "tasks", "strategy", "logical_cpus", "[no]resume"))


def test_wrong_flags_are_errors_before_any_work(tmp_path):
    wrong = {
        "--steps=4": "`steps`", "--steps=a,b": "--steps to be numbers", "--rates=3,1": "`rates`",
        "--tasks=digits": "Received: 'digits'", "--tasks=": "`families`", "--tasks=dense:x": "Received: 'x'",
        "--controller_config={": "--controller_config to be JSON", "--sources=nowhere.npz": "nowhere.npz",
        "--sources=omniglot": "omniglot_small1.npz", "--logical_cpus=2": "--logical_cpus needs",
        "--total_steps_known=2": "`total_steps_known`", "--optimizers=magic": "`optimizers`",
        "--init_weights=learned-nn": "schedule_controller",
    }  # fmt: skip
    for (given, message), said in zip(wrong.items(), PROGRAM.complaints(tmp_path / "w", list(wrong)), strict=True):
        assert message in said, given
    assert list(tmp_path.iterdir()) == []
