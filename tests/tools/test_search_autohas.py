"""The program that searches architecture and hyperparameters: two workers, a kill, wrong flags."""

import json

import keras
import pytest

from benchmarks import trainers
from benchmarks.training_programs import ROOT, finish

PROGRAM = trainers.TABLE["AutoHAS"].program


def test_a_search_leaves_what_it_found_and_the_model(tmp_path):
    code, _, said = finish(PROGRAM.start(tmp_path, "--rounds=2"))
    assert code == 0, said
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["trainings"] == 2 * 3 * 10 / 40  # rounds, samples, steps of a sample and of a training
    assert all(sum(probabilities.values()) == pytest.approx(1) for probabilities in found["encodings"].values())
    assert (tmp_path / "encodings.png").read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "tensorboard").rglob("events*"))
    model = keras.models.load_model(tmp_path / "model.keras")
    assert {"block0", "block1"} <= set(found["hyperparameters"]) and model.input_shape == (None, 8, 8, 1)


def test_the_flag_files_have_flags_of_the_program():
    files = sorted((ROOT / "configs" / "autohas").glob("*.flags"))
    assert {"digits.flags", "fashion_mnist.flags", "concrete.flags"} <= {file.name for file in files}
    for file in files:
        assert PROGRAM.parse(file, "data", "--data_dir=d") in ("digits", "fashion_mnist", "uci_concrete")
        assert f"--flagfile=configs/autohas/{file.name}" in file.read_text()


def test_help_tells_of_its_own_flags_and_of_the_devices():
    said = PROGRAM.help()
    assert all(f"--{name}" in said for name in ("workdir", "method", "horizon", "strategy", "logical_cpus"))


def test_wrong_flags_are_errors_before_any_work(tmp_path):
    wrong = {
        "--horizon=2": "`horizon`", "--samples=1": "`samples`", "--data=uci_yacht": "--data_dir",
        "--method=magic": "magic", "--warm_up=1": "`warm_up`", "--temperature=0": "`temperature`",
        "--batch_size=500": "--batch_size", "--logical_cpus=2": "--logical_cpus needs",
    }  # fmt: skip
    for flag, said in zip(wrong, PROGRAM.complaints(tmp_path / "w", list(wrong)), strict=True):
        assert wrong[flag] in said, (flag, said)
    assert not (tmp_path / "w").exists()
