"""The program that meta-trains optimizers: two workers, a kill, wrong flags."""

import json

import numpy as np

from keras_hparam import checkpoints
from keras_hparam.learned_optimizers import ElementwiseRule, weights
from tests.tools.training_programs import ROOT, Program, finish

TINY = [
    "--tasks=quadratics", "--pairs=2", "--meta_steps=30", "--lengths=3,6", "--batch_size=2", "--validate_every=20",
    "--validation_batch_size=2", "--checkpoint_every=1", '--optimizer_config={"widths": [2], "features": ["gradient"]}',
]  # fmt: skip


PROGRAM = Program("meta_train_optimizer", TINY, "meta-training")


def theta_of(workdir):
    return weights.load(workdir / "weights", ElementwiseRule)[1]


def test_two_workers_make_the_weights_of_one_process_that_was_killed_and_only_the_first_writes(tmp_path):
    workers, first = PROGRAM.start_workers(tmp_path), PROGRAM.killed(tmp_path / "one")
    assert 0 < first < 30 and not (tmp_path / "one" / "weights").exists()
    results = [finish(process) for process in (*workers, PROGRAM.start(tmp_path / "one"))]
    assert [code for code, _, _ in results] == [0, 0, 0], [err[-3000:] for _, _, err in results]
    np.testing.assert_allclose(theta_of(tmp_path / "0"), theta_of(tmp_path / "one"), rtol=1e-3, atol=1e-5)
    steps = [line.split("/")[0] for line in results[2][1].splitlines() if "/30  quadratic-20" in line]
    assert steps == [str(step) for step in range(first + 1, 31)]
    assert "30/30  quadratic-20" in results[0][1] and results[1][1] == "" and not (tmp_path / "1").exists()
    curve = json.loads((tmp_path / "0" / "curve.json").read_text())
    assert [validated["meta_step"] for validated in curve] == [0, 20, 30]
    assert (tmp_path / "0" / "curve.png").read_bytes().startswith(b"\x89PNG")
    manifest = checkpoints.load_weights(tmp_path / "0" / "weights", kind=ElementwiseRule.kind).manifest
    assert manifest["training"]["figures"]["score"] == min(validated["score"] for validated in curve)
    assert list((tmp_path / "0" / "tensorboard").rglob("events*"))


def test_a_part_of_a_training_may_keep_its_last_weights(tmp_path):
    assert finish(PROGRAM.start(tmp_path, "--stop_after=5", "--keep=last"))[0] == 0
    manager = checkpoints.CheckpointManager(tmp_path / "checkpoints", kind="meta-training")
    found = manager.restore()
    assert found.step == 5
    np.testing.assert_array_equal(theta_of(tmp_path), found.arrays["theta"])
    assert np.abs(found.arrays["theta"] - found.arrays["best"]).max() > 1e-3  # the first validation is the only one
    facts = checkpoints.load_weights(tmp_path / "weights", kind=ElementwiseRule.kind).manifest
    assert facts["training"]["figures"]["meta_steps"] == 5


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
