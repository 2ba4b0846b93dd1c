"""The main program in one process, on little data: its outputs, its continuation, its refusals."""

import csv
import json
import pathlib
import shutil
import sys
import warnings

import pytest

TOOLS = pathlib.Path(__file__).parents[2] / "tools"
SMALL = ("--tuner=random", "--max_trials=2", "--epochs=1", "--train_size=128", "--validation_size=50")
PICTURES = ("convergence.png", "parameters.png")


@pytest.fixture(scope="module")
def tune():
    """Runs `tools/tune.py` with flags in this process, each time from the flags' defaults."""
    sys.path.insert(0, str(TOOLS))
    import tune as program

    defaults = {name: program.FLAGS[name].default for name in program.FLAGS if name not in ("?", "help")}

    def run(*flags):
        program.FLAGS.unparse_flags()
        for name, default in defaults.items():
            program.FLAGS[name].value = default
        program.main(program.FLAGS(["tune", *map(str, flags)]))

    yield run
    sys.path.remove(str(TOOLS))


@pytest.fixture(scope="module")
def interrupted(tune, tmp_path_factory):
    """A search that was interrupted while its second trial ran."""
    import search

    workdir = tmp_path_factory.mktemp("tune") / "interrupted"
    fit, calls = search.DigitsHyperModel.fit, []

    def fit_until_interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search.DigitsHyperModel, "fit", fit_until_interrupted)
        with pytest.raises(SystemExit, match="--resume"):
            tune(*SMALL, f"--workdir={workdir}")
    return workdir


@pytest.fixture(scope="module")
def finished(tune, interrupted):
    """The same search, continued to its end, and what it printed."""
    import contextlib
    import io

    workdir = interrupted.with_name("finished")
    shutil.copytree(interrupted, workdir)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tune(*SMALL, f"--workdir={workdir}", "--resume")
    return workdir, printed.getvalue()


def _rows(workdir):
    """Cells of trials.csv without the seconds."""
    with open(workdir / "trials.csv", newline="") as file:
        return [row[:3] + row[4:] for row in csv.reader(file)]


def test_an_interrupted_search_keeps_its_trials(interrupted):
    trials = json.loads((interrupted / "trials.json").read_text())["trials"]
    assert [trial["status"] for trial in trials] == ["completed"]
    assert not (interrupted / "best_model.keras").exists()


def test_the_outputs_are_there_and_agree(finished):
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    workdir, _ = finished
    document = json.loads((workdir / "trials.json").read_text())
    assert (document["metric"], document["goal"]) == ("val_accuracy", "max")
    assert [trial["status"] for trial in document["trials"]] == ["completed"] * 2
    assert all(trial["seconds"] > 0 for trial in document["trials"])
    assert [float(row[2]) for row in _rows(workdir)[1:]] == [trial["objective"] for trial in document["trials"]]
    for trial in document["trials"]:
        values = trial["values"]
        assert {"learning_rate", "optimizer", "depth", "filters_1", "dropout", "weight_decay"} <= set(values)
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert ("filters_3" in values) == (values["depth"] == 3)
    assert all((workdir / name).read_bytes().startswith(b"\x89PNG") for name in PICTURES)
    assert len(EventMultiplexer().AddRunsFromDirectory(str(workdir / "tensorboard")).Reload().Runs()) == 3


def test_the_saved_models_do_what_was_reported(finished):
    import digits
    import keras

    workdir, printed = finished
    data = digits.load(128, 50, seed=0)
    objectives = [trial["objective"] for trial in json.loads((workdir / "trials.json").read_text())["trials"]]
    best = keras.saving.load_model(workdir / "best_model.keras")
    assert best.evaluate(*data.validation, verbose=0)[1] == pytest.approx(max(objectives), abs=1e-6)
    retrained = keras.saving.load_model(workdir / "retrained_model.keras")
    assert f"test accuracy {retrained.evaluate(*data.test, verbose=0)[1]:.4f}" in printed
    first = retrained.predict(data.test[0][:1], verbose=0)[0]
    assert f"{first.argmax()} ({first.max():.1%}), is {data.test[1][0]}" in printed


def test_the_best_model_keeps_its_optimizers_state(finished):
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns where the saved variables do not fit
        best = keras.saving.load_model(finished[0] / "best_model.keras")
    assert int(best.optimizer.iterations) > 0


def test_it_says_how_far_it_is(finished):
    workdir, printed = finished
    assert "1 of 2 trials are done: best val_accuracy " in printed
    assert "trial 2 of 2 | val_accuracy " in printed and "0:00 left" in printed
    assert "Trial" not in printed and "Epoch" not in printed, "KerasTuner's and Keras' own words"
    assert str(workdir.resolve()) in printed


def test_a_search_begun_anew_equals_the_continued_one(tune, interrupted, finished):
    with pytest.raises(SystemExit, match="--resume.*--overwrite.*another --workdir"):
        tune(*SMALL, f"--workdir={interrupted}")
    tune(*SMALL, f"--workdir={interrupted}", "--overwrite")
    assert _rows(interrupted) == _rows(finished[0])


def test_two_workers_continue_a_search_that_was_begun_alone(tune, finished, tmp_path, monkeypatch, capsys):
    for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"):
        monkeypatch.setenv(f"KERASTUNER_{name}", "")  # what the program sets is taken back after the test
    workdir = tmp_path / "more"
    shutil.copytree(finished[0], workdir)
    tune(*SMALL, "--max_trials=5", f"--workdir={workdir}", "--resume", "--workers=2")
    rows, before = _rows(workdir), _rows(finished[0])
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4", "5"] and {row[1] for row in rows[1:]} == {"completed"}
    assert [row[:3] for row in rows[:3]] == [row[:3] for row in before]
    printed = capsys.readouterr().out
    assert "2 of 5 trials are done" in printed and printed.count(" of 5 | val_accuracy ") == 3
    assert (workdir / "workers" / "worker-2.log").exists() and (workdir / "retrained_model.keras").exists()


def test_what_does_not_belong_to_a_search_is_never_touched(tune, tmp_path):
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    for flag in ("--overwrite", "--resume"):
        with pytest.raises(SystemExit, match="Expected --workdir.*Received: "):
            tune(*SMALL, f"--workdir={tmp_path}", flag)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_other_flags_cannot_continue_a_search(tune, finished):
    with pytest.raises(SystemExit, match=r"--seed=0\. Received: --seed=1"):
        tune(*SMALL, f"--workdir={finished[0]}", "--resume", "--seed=1")


def test_a_strategy_that_the_machine_lacks_ends_it_before_anything_is_removed(tune, finished):
    import tensorflow as tf

    if len(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")) > 1:
        pytest.skip("this machine has several devices")
    with pytest.raises(SystemExit, match="mirrored"):
        tune(*SMALL, f"--workdir={finished[0]}", "--overwrite", "--strategy=mirrored")
    assert (finished[0] / "retrained_model.keras").exists()


def test_a_trial_that_fails_is_recorded_with_its_reason(tune, tmp_path, monkeypatch, capsys):
    import search

    fit, calls = search.DigitsHyperModel.fit, []

    def fit_or_fail(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise ValueError("out of luck")
        return fit(*args, **kwargs)

    monkeypatch.setattr(search.DigitsHyperModel, "fit", fit_or_fail)
    tune(*SMALL, f"--workdir={tmp_path / 'new'}")
    printed = capsys.readouterr().out
    assert "trial 1 of 2 | failed" in printed and "reason: ValueError: out of luck" in printed
    trials = json.loads((tmp_path / "new" / "trials.json").read_text())["trials"]
    assert [(trial["status"], trial["objective"] is None) for trial in trials] == [
        ("failed", True),
        ("completed", False),
    ]


def test_a_search_whose_trials_fail_ends_with_a_message(tune, tmp_path, monkeypatch):
    import search

    def fail(*args, **kwargs):
        raise ValueError("out of luck")

    monkeypatch.setattr(search.DigitsHyperModel, "fit", fail)
    with pytest.raises(SystemExit, match="tune: Expected trials that complete. .*consecutive failures") as ended:
        tune(*SMALL, "--max_trials=9", f"--workdir={tmp_path / 'new'}")
    assert "out of luck" in str(ended.value)
    trials = json.loads((tmp_path / "new" / "trials.json").read_text())["trials"]
    assert [trial["status"] for trial in trials] == ["failed"] * 3


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_damaged_settings_are_named(tune, tmp_path, content):
    (tmp_path / "tune.json").write_text(content)
    with pytest.raises(SystemExit, match="Expected .*tune.json of an earlier search.*--overwrite"):
        tune(*SMALL, f"--workdir={tmp_path}", "--resume")


@pytest.mark.parametrize("prior, named", [("mixture", []), ("model,local,bayesian", ["model", "local"])])
def test_the_planning_tuner_gets_its_flags(tune, tmp_path, prior, named):
    import search
    import tune as program

    flags = ["--tuner=planning", "--acquisition=ucb", f"--prior={prior}", "--pending=placeholder"]
    program.FLAGS(["tune", f"--workdir={tmp_path}", *flags])
    settings = search.make_tuner(program.FLAGS).oracle.proposer.settings
    assert (settings.acquisition, settings.pending) == ("ucb", "placeholder")
    priors = [one for one, _ in settings.prior_counts()]
    assert priors[: len(named)] == named and callable(priors[-1]) == ("bayesian" in prior)
