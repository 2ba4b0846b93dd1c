"""The loss, the schedule, exact resume, evaluations and logs, and that it learns."""

import dataclasses

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer import batches, corpus, losses, training
from keras_hparam.optformer.training_settings import HELD_OUT_SEED, TrainingSettings, learning_rate, same_course

SETTINGS = TrainingSettings(steps=6, warmup_steps=2, checkpoint_every=3, log_every=3, evaluate_every=0, seed=3)
BATCHES = batches.BatchSettings(trials_per_batch=64, max_parameters=4)


@pytest.fixture(autouse=True)
def one_shape(monkeypatch):
    """To compile for; which one a step has is in test_batches.py."""
    monkeypatch.setattr(batches, "LENGTHS", {16: 1.0})


@pytest.fixture(scope="module")
def tiny(config):
    return dataclasses.replace(config, width=16, num_layers=1, value_width=8, max_trials=200)


def test_negative_log_likelihood_is_that_of_a_softmax_over_the_legal(rng):
    logits, legal = rng.standard_normal((7, 9)).astype("float32"), rng.random((7, 9)) < 0.6
    targets = rng.integers(9, size=7).astype("int32")
    legal[np.arange(7), targets] = True
    result = np.asarray(losses.negative_log_likelihood(logits, targets, legal))
    for row in range(7):
        weights = np.exp(logits[row]) * legal[row]
        np.testing.assert_allclose(result[row], -np.log(weights[targets[row]] / weights.sum()), rtol=1e-4)


def test_sums_of_shards_give_the_mean_of_the_whole_and_means_of_shards_do_not(rng):
    values, weights = rng.random(10).astype("float32"), np.linspace(0.1, 2.0, 10, dtype="float32")
    expected = np.average(values, weights=weights)
    shards = [losses.weighted_sums(values[part], weights[part]) for part in (slice(0, 3), slice(3, 10))]
    total, weight = (sum(float(pair[i]) for pair in shards) for i in (0, 1))
    np.testing.assert_allclose(float(losses.mean(total, weight)), expected, rtol=1e-6)
    assert abs(np.mean([float(losses.mean(*pair)) for pair in shards]) - expected) > 1e-3
    assert float(losses.mean(0.0, 0.0)) == 0.0


def test_rate_warms_up_stays_and_falls_to_zero():
    settings = TrainingSettings(steps=100, warmup_steps=10, decay_share=0.25, learning_rate=1.0)
    rates = [learning_rate(step, settings) for step in range(101)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:76], 1.0)
    assert (np.diff(rates[76:]) < 0).all() and rates[100] < 1e-9
    np.testing.assert_allclose(rates[88], 0.5 - 0.5 * np.cos(np.pi * 12 / 25))


@pytest.mark.parametrize(
    "name, value",
    [("steps", 0), ("decay_share", 2.0), ("precision", "float16"), ("evaluate_every", -1), ("seed", HELD_OUT_SEED)],
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(errors.InvalidArgumentError, match=f"`{name}`.*Received: '?{value}"):
        TrainingSettings(**{name: value})


@pytest.mark.parametrize(
    "changed, step, expected",
    [
        ({"evaluate_every": 7, "log_every": 1, "checkpoint_every": 2}, 99, True),
        ({"steps": 90}, 60, True),
        ({"steps": 70}, 60, False),
        ({"steps": 200}, 80, False),
        ({"learning_rate": 0.1}, 0, False),
        ({"precision": "mixed_bfloat16"}, 0, False),
    ],
)
def test_the_course_may_go_on_under_settings_that_did_not_shape_it(changed, step, expected):
    before = dataclasses.asdict(dataclasses.replace(SETTINGS, steps=100))
    assert same_course(before, {**before, **changed}, step) is expected
    older = {name: value for name, value in before.items() if name != "evaluate_every"}  # written before it existed
    assert same_course(older, {**before, **changed}, step) is expected


def run(tiny, vocabulary, workdir, settings=SETTINGS, stop=None, batch_settings=BATCHES):
    trainer = training.Trainer(tiny, settings, workdir, batch_settings=batch_settings)
    trainer.restore()

    def progress(step, figures, seconds):
        if step == stop:
            with pytest.raises(errors.InUseError, match="`workdir`"):
                training.pretrain(trainer, vocabulary, corpus.generate_study)
            raise KeyboardInterrupt

    try:
        training.pretrain(trainer, vocabulary, corpus.generate_study, progress=progress)
    except KeyboardInterrupt:
        trainer.save()
    return trainer


def test_a_killed_training_ends_with_the_weights_of_one_that_never_stopped(tiny, vocabulary, tmp_path):
    whole = run(tiny, vocabulary, tmp_path / "whole")
    stopped = run(tiny, vocabulary, tmp_path / "parts", stop=3)
    assert stopped.step == 3
    resumed = run(tiny, vocabulary, tmp_path / "parts")
    assert resumed.step == SETTINGS.steps
    for first, second in zip(whole.model.variables, resumed.model.variables, strict=True):
        np.testing.assert_allclose(np.asarray(first), np.asarray(second), atol=1e-6)
    assert resumed.figures["step"] == SETTINGS.steps
    again = run(tiny, vocabulary, tmp_path / "parts")  # finished: nothing is lost by calling again
    assert again.figures == resumed.figures
    for match, changes in {
        "sizes of the checkpoint": {"tiny": dataclasses.replace(tiny, width=32)},
        "settings of the checkpoint": {"settings": dataclasses.replace(SETTINGS, learning_rate=0.1)},
        "batch settings of the checkpoint": {"batch_settings": dataclasses.replace(BATCHES, trials_per_batch=128)},
    }.items():
        with pytest.raises(errors.InvalidArgumentError, match=match):
            run(**{"tiny": tiny, "vocabulary": vocabulary, "workdir": tmp_path / "parts", **changes})


def test_a_checkpoint_that_does_not_say_how_its_batches_were_made_can_be_restored(tiny, tmp_path):
    trainer = training.Trainer(tiny, SETTINGS, tmp_path, batch_settings=BATCHES)
    arrays = {name: np.asarray(variable) for name, variable in trainer._variables().items()}
    state = {name: value for name, value in trainer._state().items() if name != "batches"}
    del state["settings"]["evaluate_every"]
    trainer.course.manager.save(4, arrays, {**state, "figures": {}})
    assert training.Trainer(tiny, SETTINGS, tmp_path, batch_settings=BATCHES).restore()


def events(directory):
    """{tag: {step: value}} of TensorBoard's files in a folder."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = {}
    for path in sorted(directory.iterdir()):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                content = value.tensor.float_val[0] if value.HasField("tensor") else value.simple_value
                found.setdefault(value.tag, {})[event.step] = content
    return found


def test_training_learns_where_the_optimum_lies_and_says_so_on_studies_held_out(tiny, vocabulary, tmp_path):
    """On studies of one fixed function the likelihood rises and predictions rank new configurations rightly."""
    from keras_hparam.networks.values import bin_centres
    from keras_hparam.optformer.evaluation import rank_correlation
    from keras_hparam.optformer.planning import Proposer
    from keras_hparam.optformer.study import Metadata, Study
    from keras_hparam.spaces import Parameter, SearchSpace

    space, asked = SearchSpace((Parameter("x", "float", 0.0, 1.0),)), set()

    def generate(seed, index, max_trials, max_parameters):
        asked.add(seed)
        rng = np.random.default_rng([seed, index])
        tokens = space.random_tokens(rng, max_trials)
        unit = tokens[:, 0] / 1000.0
        return Study(space, Metadata(), "max", tokens, -((unit - 0.3) ** 2), np.zeros(len(tokens), int))

    settings = dataclasses.replace(
        SETTINGS, steps=150, log_every=25, evaluate_every=60, checkpoint_every=150, learning_rate=1e-2
    )
    seen = {}
    trainer = training.Trainer(tiny, settings, tmp_path, batch_settings=BATCHES)
    training.pretrain(trainer, vocabulary, generate, progress=lambda step, figures, s: seen.update({step: figures}))
    assert seen[150]["objective"] < seen[25]["objective"] - 0.3
    assert list(seen) == [25, 50, 60, 75, 100, 120, 125, 150] and asked == {settings.seed, HELD_OUT_SEED}
    assert [step for step, figures in seen.items() if "held_out_nll" in figures] == [60, 120, 150]
    assert seen[150]["held_out_nll"] < seen[60]["held_out_nll"]
    assert 0.0 < seen[150]["coverage_50"] < seen[150]["coverage_90"] <= 1.0
    assert trainer.figures == {"step": 150, **{name: round(value, 4) for name, value in seen[150].items()}}
    logged = events(tmp_path / "tensorboard")
    assert list(logged["coverage_90"]) == [60, 120, 150] and list(logged["seconds_per_step"]) == list(seen)
    np.testing.assert_allclose(list(logged["objective"].values()), [f["objective"] for f in seen.values()], rtol=1e-6)
    study, others = generate(9, 0, 16, 4), generate(9, 1, 100, 4)
    predicted = Proposer(trainer.model, vocabulary).predict(study, others.tokens)[:, :-1] @ bin_centres(1000)
    assert rank_correlation(predicted, others.objectives) > 0.5


def test_a_loss_that_is_not_finite_ends_the_training(tiny, vocabulary, tmp_path):
    trainer = training.Trainer(tiny, SETTINGS, tmp_path, batch_settings=BATCHES)
    trainer.model.failure_logit.bias.assign(np.full(1, np.nan, "float32"))
    with pytest.raises(FloatingPointError, match="Loss at step 3"):
        training.pretrain(trainer, vocabulary, corpus.generate_study)
