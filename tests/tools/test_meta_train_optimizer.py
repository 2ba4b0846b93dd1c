"""The program that meta-trains optimizers: what it leaves, wrong flags."""

import json

import numpy as np

from benchmarks import trainers
from benchmarks.training_programs import ROOT, finish
from keras_hparam import checkpoints
from keras_hparam.learned_optimizers import ElementwiseRule, weights

PROGRAM = trainers.TABLE["meta-training"].program


def theta_of(workdir):
    return weights.load(workdir / "weights", ElementwiseRule)[1]


def test_a_part_of_a_training_may_keep_its_last_weights(tmp_path):
    code, said, _ = finish(PROGRAM.start(tmp_path, "--stop_after=5", "--keep=last", "--validate_every=4"))
    found = PROGRAM.manager(tmp_path).restore()
    assert code == 0 and found.step == 5
    assert [line.split("/")[0] for line in said.splitlines() if "/60  quadratic-20" in line] == list("12345")
    np.testing.assert_array_equal(theta_of(tmp_path), found.arrays["theta"])
    assert np.abs(found.arrays["theta"] - found.arrays["best"]).max() > 1e-4  # of meta-step 0 or 4
    facts = checkpoints.load_weights(tmp_path / "weights", kind=ElementwiseRule.kind).manifest["training"]
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert [validated["meta_step"] for validated in curve] == [0, 4]
    assert facts["figures"]["meta_steps"] == 5
    assert facts["figures"]["score"] == min(validated["score"] for validated in curve)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "tensorboard").rglob("events*"))


def test_the_flag_files_have_flags_of_the_program():
    files = sorted((ROOT / "configs" / "learned_optimizers").glob("*.flags"))
    assert {file.name for file in files} >= {"networks.flags", "particles.flags"}
    for file in files:
        assert PROGRAM.parse(file).startswith("learned-")
        assert f"--flagfile=configs/learned_optimizers/{file.name}" in file.read_text()


def test_help_tells_of_its_own_flags_and_of_the_devices():
    said = PROGRAM.help()
    assert all(f"--{name}" in said for name in ("workdir", "tasks", "strategy", "logical_cpus", "[no]resume"))


def test_wrong_flags_are_errors_before_any_work(tmp_path):
    wrong = {
        "--lengths=20": "Expected --lengths=LOW,HIGH", "--lengths=9,3": "`lengths`", "--sigma=0": "`sigma`",
        "--tasks=digits": "Received: 'digits'", "--tasks=": "`families`", "--tasks=ackley:x": "Received: 'x'",
        "--optimizer_config={": "--optimizer_config to be JSON", "--data=nowhere.npz": "nowhere.npz",
        "--logical_cpus=2": "--logical_cpus needs", "--steps_by_size=7:10": "--steps_by_size needs",
        "--steps_by_size=x": "Expected N:STEPS", "--total_steps_known=2": "`total_steps_known`",
    }  # fmt: skip
    for (given, message), said in zip(wrong.items(), PROGRAM.complaints(tmp_path / "w", list(wrong)), strict=True):
        assert message in said, given
    assert list(tmp_path.iterdir()) == []
