"""The program that trains ensembles: wrong flags, every method from end to end, a kill, the flag files."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles import HyperBatchEnsemble
from tools import ensemble_data, ensemble_outputs

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
TINY = ["--train_size=256", "--validation_size=64", "--batch_size=64", "--ensemble_size=2"]
WRONG = {
    "--epochs=0": "epochs", "--method=bagging": "method", "--l2_range=1e-3,1e-7": "l2_range", "--seed=-1": "seed",
    "--dropout_range=0.1": "dropout_range", "--label_smoothing_range=a,b": "label_smoothing_range",
    "--data=uci_yacht": "data_dir", "--data=uci_yacht --data_dir=d --network=lenet": "lenet needs images",
    "--method=deep --strategy=multi_worker": "multi_worker", "--logical_cpus=2": "logical_cpus",
    "--data=iris": "data", "--ensemble_size=0": "ensemble_size",
}  # fmt: skip


def start(workdir, *flags, **environment):
    command = [sys.executable, str(ROOT / "tools" / "train_ensemble.py"), f"--workdir={workdir}", *TINY, *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=ENVIRONMENT | environment, **pipes)


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def parsed(*arguments):
    """What the program's flags say to each list of arguments: nothing, or the error."""
    code = (
        "import sys, json, train_ensemble as t\n"
        "from absl import flags\n"
        "for one in json.loads(sys.argv[1]):\n"
        "    t.FLAGS.unparse_flags()\n"
        "    [t.FLAGS[name].using_default_value or t.FLAGS[name].unparse() for name in t.FLAGS]\n"
        "    try:\n        t.FLAGS(['t', *one]); print('accepted')\n"
        "    except flags.Error as error: print(str(error).replace(chr(10), ' '))\n"
    )
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT / "tools", env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_wrong_flags_are_named():
    found = parsed(["--workdir=w"], *(["--workdir=w", *flags.split()] for flags in WRONG), [])
    assert found[0] == "accepted" and "workdir" in found[-1]
    for message, (given, named) in zip(found[1:-1], WRONG.items(), strict=True):
        assert named in message and message != "accepted", given


def test_the_flag_files_are_flags_of_the_program():
    files = sorted((ROOT / "configs" / "ensembles").glob("*.flags"))
    assert len(files) >= 4
    given = (["--workdir=w", "--data_dir=d", f"--flagfile={file}"] for file in files)
    assert parsed(*given) == ["accepted"] * len(files)
    for file in files:
        assert f"--flagfile=configs/ensembles/{file.name}" in file.read_text()


def test_a_killed_deep_ensemble_keeps_its_finished_members(tmp_path):
    flags = ["--method=deep", "--epochs=12", "--learning_rate=3e-3"]
    killed, first = start(tmp_path, *flags), tmp_path / "members" / "member_0.keras"
    deadline = time.monotonic() + 120
    while not first.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    finish(killed)
    written = first.stat().st_mtime_ns
    assert not (tmp_path / "model.keras").exists()
    code, out, err = finish(start(tmp_path, *flags))
    assert code == 0, err
    assert first.stat().st_mtime_ns == written and "ensemble" in out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["ensemble"]["nll"] < scores["mean_of_members"]["nll"] < 2.0  # Jensen; ten classes at random: 2.3
    rows = (tmp_path / "logs" / "member_1.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,") and [row.split(",")[0] for row in rows[1:]] == [str(e) for e in range(12)]


def test_a_workdir_of_another_training_is_refused(tmp_path):
    ensemble_outputs.check_workdir(tmp_path / "new", {"epochs": 7, "l2": 0.1}, resume=False)
    ensemble_outputs.check_workdir(tmp_path / "new", {"epochs": 7, "l2": 0.1}, resume=True)
    with pytest.raises(errors.InvalidArgumentError, match="Received: --epochs=8 instead of 7."):
        ensemble_outputs.check_workdir(tmp_path / "new", {"epochs": 8, "l2": 0.1}, resume=True)
    with pytest.raises(errors.InvalidArgumentError, match="Expected --workdir to be empty"):
        ensemble_outputs.check_workdir(tmp_path / "new", {"epochs": 7, "l2": 0.1}, resume=False)
    with pytest.raises(errors.InvalidArgumentError, match="Expected --workdir to be empty"):
        ensemble_outputs.check_workdir(tmp_path, {"epochs": 7}, resume=True)


def test_an_epoch_that_is_trained_again_after_a_resume_has_one_row(tmp_path):
    class Ensemble:
        """Predicts class 3, without bounds."""

        bounds = None

        def __call__(self, x, training):
            return 0.0 * x[:, 0, 0] + np.eye(10, dtype="float32")[3]

    data = ensemble_data.load("digits", train_size=256, validation_size=64)
    for epochs in ([0, 1, 2], [2, 3]):
        log = ensemble_outputs.EpochLog(tmp_path, Ensemble(), data, 50, 4)
        for epoch in epochs:
            log(epoch, epoch + 0.5 * len(epochs))
    header, *rows = (tmp_path / "logs" / "ensemble.csv").read_text().splitlines()
    assert header.startswith("epoch,loss,val_nll,val_accuracy") and "lower" not in header
    assert [row.split(",")[:2] for row in rows] == [["0", "1.5"], ["1", "2.5"], ["2", "3.0"], ["3", "4.0"]]
    accuracy = np.mean(data.validation[1].argmax(axis=1) == 3)
    assert float(rows[-1].split(",")[3]) == pytest.approx(accuracy)


def test_shared_weights_are_saved_with_the_folded_members(tmp_path):
    code, out, err = finish(start(tmp_path, "--method=hyper_batch", "--epochs=2"))
    assert code == 0, err
    test = ensemble_data.load("digits", train_size=256, validation_size=64).test[0]
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(model, HyperBatchEnsemble)
    expected = model.predict_members(test)
    for index in range(2):
        member = keras.saving.load_model(tmp_path / "members" / f"member_{index}.keras")
        np.testing.assert_allclose(member.predict(test, verbose=0), expected[index], rtol=1e-4, atol=1e-5)
    header, *rows = (tmp_path / "logs" / "ensemble.csv").read_text().splitlines()
    assert "dropout/member_1/upper" in header and "val_nll" in header and len(rows) == 2
    assert "ensemble: epoch 2/2" in out and list((tmp_path / "tensorboard").rglob("events*"))
    assert (tmp_path / "bounds.png").read_bytes().startswith(b"\x89PNG")
