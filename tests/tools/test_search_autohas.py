"""The program that searches architecture and hyperparameters: two workers, a kill, wrong flags."""

import json

import keras
import pytest

from tests.tools.training_programs import ROOT, Program, finish

TINY = [
    "--data=digits", "--train_size=128", "--validation_size=64", "--batch_size=16", "--epochs=5", "--rounds=3",
    "--samples=2", "--horizon=0.25",
]  # fmt: skip
ROUNDS = 3
PROGRAM = Program("search_autohas", TINY, "autohas search")


def test_two_workers_find_what_one_process_finds_that_was_killed_and_only_the_first_writes(tmp_path):
    workers, first = PROGRAM.start_workers(tmp_path), PROGRAM.killed(tmp_path / "one")
    assert 0 < first <= ROUNDS
    results = [finish(process) for process in (*workers, PROGRAM.start(tmp_path / "one"))]
    assert [code for code, _, _ in results] == [0, 0, 0], [err[-3000:] for _, _, err in results]
    made, alone = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("0", "one"))
    assert made["trainings"] == alone["trainings"] == ROUNDS * 2 * 10 / 40
    for name, probabilities in alone["encodings"].items():
        assert made["encodings"][name] == pytest.approx(probabilities, abs=1e-3), name
    assert results[1][1] == "" and not (tmp_path / "1").exists()
    assert (tmp_path / "one" / "encodings.png").read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "one" / "tensorboard").rglob("events*"))
    model = keras.models.load_model(tmp_path / "one" / "model.keras")
    found = {key: value for key, value in alone["hyperparameters"].items() if key.startswith("block")}
    assert set(found) == {"block0", "block1"} and model.input_shape == (None, 8, 8, 1)


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
