"""The loop: it learns a rate, resumes exactly, and says what is wrong before it works."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta import (
    EvolutionStrategies,
    GeneticAlgorithm,
    MetaTrainingSettings,
    Mixture,
    TaskFamily,
    meta_train,
)  # fmt: skip
from keras_hparam.learned_optimizers.meta.validation import Validation
from keras_hparam.tasks import functions
from tests.ensembles.jax_process import compare, needs_jax
from tests.learned_optimizers.meta.rules import GradientDescent, Momentum

SETTINGS = MetaTrainingSettings(
    meta_steps=8, lengths=(4, 16), batch_size=3, seed=1, validate_every=4, validation_batch_size=4, checkpoint_every=3
)
FAMILY = functions.Quadratics(dimension=2, condition=10.0, scale=1.0)
METHODS = ["evolution_strategies", "persistent", "genetic_algorithm"]


class Broken(TaskFamily):
    """A parabola whose losses are replaced by a number."""

    name = "broken"

    def __init__(self, value, after=0):
        self.value, self.after = value, after

    def sample(self, rng, batch_size):
        return {"parameters": [rng.normal(size=(batch_size, 2)).astype("float32")]}

    def loss(self, parameters, instances, step):
        losses = ops.sum(ops.square(parameters[0]), axis=-1)
        return ops.where(ops.cast(step, "int32") >= self.after, self.value, losses)

    def final_loss(self, parameters, instances):
        return self.loss(parameters, instances, np.int32(99))

    def normalize(self, losses, instances):
        return ops.minimum(losses, 3.0)


def estimator_of(method, draws=2):
    """An estimator of a few draws; optimizers are made in the tests, where TensorFlow may start."""
    if method == "genetic_algorithm":
        return GeneticAlgorithm(0.2, draws)
    return EvolutionStrategies(sigma=0.1, pairs=draws, persistent=method == "persistent", truncation=3)


@pytest.mark.parametrize("method, meta_steps", [("evolution_strategies", 40), ("genetic_algorithm", 15)])
def test_a_rate_that_is_too_small_is_learned(method, meta_steps):
    estimator = GeneticAlgorithm(sigma=0.4, candidates=8)
    if method == "evolution_strategies":
        estimator = EvolutionStrategies(sigma=0.1, pairs=4, optimizer=keras.optimizers.Adam(0.2))
    settings = dataclasses.replace(SETTINGS, meta_steps=meta_steps, validate_every=meta_steps)
    rule, seen = GradientDescent(0.05), []
    found = meta_train(rule, FAMILY, estimator, settings, progress=lambda *given: seen.append(given))
    validate = Validation(rule, Mixture([FAMILY]), settings)
    scores = [validate(np.array([log_rate], "float32")).mean() for log_rate in np.arange(-3, 2, 0.1)]
    assert found.history[0]["score"] == pytest.approx(scores[0], abs=0.02)  # of the rate 0.05
    assert found.score < min(scores) + 0.2 * (scores[0] - min(scores))
    assert [step for step, _, _ in seen] == list(range(1, meta_steps + 1))
    steps = [figures["steps"] for _, figures, _ in seen]
    assert min(steps) >= 4 and max(steps) <= 16 and len(set(steps)) > 5
    assert "score" in seen[-1][1] and seen[0][1]["family"] == FAMILY.name and seen[0][1]["loss"] < 0
    assert found.history[-1]["score"] == seen[-1][1]["score"] == found.score


def test_the_best_validation_is_kept():
    harmful = EvolutionStrategies(sigma=0.1, pairs=2, optimizer=keras.optimizers.SGD(-3.0))
    found = meta_train(GradientDescent(0.3), FAMILY, harmful, SETTINGS)
    assert found.history[0]["score"] == found.score < found.history[-1]["score"]
    np.testing.assert_allclose(found.theta, np.log([0.3]), rtol=1e-6)
    assert found.last_theta[0] < found.theta[0]
    assert [validated["meta_step"] for validated in found.history] == [0, 4, 8]
    assert found.score == pytest.approx(np.mean([found.history[0][f"{FAMILY.name}/{length}"] for length in (8, 16)]))


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_training_ends_where_one_that_never_stopped_ends(method, tmp_path):
    estimator = estimator_of(method)
    whole = meta_train(Momentum(), FAMILY, estimator, SETTINGS)

    class KilledError(Exception):
        pass

    def kill(meta_step, figures, seconds):
        if meta_step == 5:
            with pytest.raises(errors.InUseError, match="`workdir`"):
                meta_train(Momentum(), FAMILY, estimator, SETTINGS, workdir=tmp_path)
            raise KilledError

    with pytest.raises(KilledError):
        meta_train(Momentum(), FAMILY, estimator, SETTINGS, workdir=tmp_path, progress=kill)
    steps = []
    resumed = meta_train(
        Momentum(), FAMILY, estimator, SETTINGS, workdir=tmp_path, progress=lambda step, *_: steps.append(step)
    )
    assert steps == [4, 5, 6, 7, 8]
    for name in ("theta", "last_theta"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    assert resumed.history == whole.history and not np.array_equal(whole.last_theta, Momentum().initial(0))
    again = meta_train(Momentum(), FAMILY, estimator, SETTINGS, workdir=tmp_path, progress=kill)
    np.testing.assert_array_equal(again.last_theta, whole.last_theta)


def test_a_training_may_be_made_in_parts(tmp_path):
    whole = meta_train(Momentum(), FAMILY, estimator_of("persistent"), SETTINGS)
    steps = []
    for stop_after in (5, 7, 20):
        part = meta_train(
            Momentum(), FAMILY, estimator_of("persistent"), SETTINGS, workdir=tmp_path, stop_after=stop_after,
            progress=lambda step, *_: steps.append(step),
        )  # fmt: skip
    assert steps == list(range(1, 9))
    np.testing.assert_array_equal(part.last_theta, whole.last_theta)
    with pytest.raises(errors.InvalidArgumentError, match="`stop_after`"):
        meta_train(Momentum(), FAMILY, estimator_of("persistent"), SETTINGS, stop_after=0)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    settings = dataclasses.replace(SETTINGS, meta_steps=1)
    meta_train(GradientDescent(), FAMILY, GeneticAlgorithm(0.2, 2), settings, workdir=tmp_path)
    changes = [
        {"estimator": GeneticAlgorithm(0.3, 2)}, {"rule": GradientDescent(0.2)}, {"tasks": functions.Ackley(2)},
        {"settings": dataclasses.replace(settings, batch_size=5)},
    ]  # fmt: skip
    for change in changes:
        given = {"rule": GradientDescent(), "tasks": FAMILY, "estimator": GeneticAlgorithm(0.2, 2)}
        given |= {"settings": settings} | change
        with pytest.raises(errors.InvalidArgumentError, match=f"{next(iter(change))}.*Received:"):
            meta_train(**given, workdir=tmp_path)
    longer = dataclasses.replace(settings, meta_steps=2)
    seen = []
    meta_train(GradientDescent(), FAMILY, GeneticAlgorithm(0.2, 2), longer, workdir=tmp_path,
               progress=lambda step, *_: seen.append(step))  # fmt: skip
    assert seen == [2]


@pytest.mark.parametrize(
    "family, message",
    [(Broken(np.nan), "finite loss.*initial parameters.*nan"), (Broken(np.inf), "initial parameters.*inf"),
     (Broken(np.nan, after=1), "trajectories of the initial rule"), (Broken(1e9, after=1), "losses differ.*3")],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_an_error_before_any_step(family, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        meta_train(GradientDescent(), family, EvolutionStrategies(pairs=2), SETTINGS, progress=pytest.fail)


@pytest.mark.parametrize(
    "change, message",
    [({"meta_steps": 0}, "`meta_steps`"), ({"lengths": (5, 4)}, "`lengths`"), ({"lengths": (0, 4)}, "`lengths`"),
     ({"batch_size": 0}, "`batch_size`"), ({"trajectory": "first"}, "`trajectory`"), ({"seed": -1}, "`seed`"),
     ({"total_steps_known": 2}, "`total_steps_known`"), ({"validation_lengths": (1.5,)}, "`validation_lengths`")],
)  # fmt: skip
def test_wrong_settings_are_errors(change, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}.*Received:"):
        dataclasses.replace(SETTINGS, **change)


def test_arguments_that_do_not_fit_are_errors():
    estimator, last = estimator_of("persistent"), dataclasses.replace(SETTINGS, trajectory="last")
    with pytest.raises(errors.InvalidArgumentError, match="persistent"):
        meta_train(GradientDescent(), FAMILY, estimator, last)
    with pytest.raises(errors.InvalidArgumentError, match="`theta`.*1 finite"):
        meta_train(GradientDescent(), FAMILY, estimator, SETTINGS, theta=[0.0, 1.0])
    with pytest.raises(errors.InvalidArgumentError, match="Received: \\[\\]"):
        meta_train(GradientDescent(), [], estimator, SETTINGS)


@pytest.mark.parametrize("method, draws", [(METHODS[0], 3), (METHODS[1], 4), (METHODS[2], 3)])
def test_two_replicas_make_the_update_of_one(method, draws, logical_cpus):
    """Also where they cannot have equal shares of the draws."""
    from keras_hparam.distribute import strategies

    estimator = estimator_of(method, draws)
    settings = dataclasses.replace(SETTINGS, meta_steps=3, lengths=(4, 6))
    losses = {"one": [], "two": []}
    one = meta_train(Momentum(), FAMILY, estimator, settings,
                     progress=lambda _, figures, __: losses["one"].append(figures["loss"]))  # fmt: skip
    two = meta_train(Momentum(), FAMILY, estimator, settings, strategy=strategies.mirrored(*logical_cpus),
                     progress=lambda _, figures, __: losses["two"].append(figures["loss"]))  # fmt: skip
    np.testing.assert_allclose(two.last_theta, one.last_theta, rtol=1e-5)
    np.testing.assert_allclose(losses["two"], losses["one"], rtol=1e-4)
    assert not np.array_equal(one.last_theta, Momentum().initial(0))


@needs_jax
def test_jax_makes_the_same_training(capsys):
    compare(
        """
import keras_hparam.learned_optimizers.meta as meta
from keras_hparam.tasks import functions
from tests.learned_optimizers.meta.rules import Momentum
settings = meta.MetaTrainingSettings(meta_steps=2, lengths=(3, 5), batch_size=2, validation_batch_size=2)
trained = meta.meta_train(Momentum(), functions.Quadratics(2), meta.EvolutionStrategies(pairs=2), settings)
found = {"theta": trained.last_theta, "score": trained.score, "first": trained.history[0]["score"]}
""",
        capsys, rel=1e-3,
    )  # fmt: skip
