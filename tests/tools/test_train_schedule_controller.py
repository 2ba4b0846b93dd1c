"""The program that trains controllers: what it leaves, wrong flags."""

import json

import numpy as np
from keras import ops

from benchmarks import trainers
from benchmarks.training_programs import ROOT, finish
from keras_hparam import checkpoints
from keras_hparam.learned_schedules import weights

PROGRAM = trainers.TABLE["schedule controller"].program


def test_a_part_of_a_training_leaves_the_best_controller_and_its_curve(tmp_path):
    code, said, _ = finish(PROGRAM.start(tmp_path, "--stop_after=3", "--validate_every=2"))
    assert code == 0
    assert [line.split("/")[0] for line in said.splitlines() if "/24  regression" in line] == ["1", "2", "3"]
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert [validated["update"] for validated in curve] == [0, 2]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    facts = checkpoints.load_weights(tmp_path / "weights", kind="schedule_controller").manifest["training"]
    assert facts["figures"]["updates"] == 3
    assert facts["figures"]["score"] == min(validated["score"] for validated in curve)
    found = PROGRAM.manager(tmp_path).restore()
    for index, weight in enumerate(weights.load(tmp_path / "weights").weights):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), found.arrays[f"best/{index}"])
    assert list((tmp_path / "tensorboard").rglob("events*"))


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
