"""The end of a build function: what is chosen, plain models that KerasTuner trains, supernets, refusals."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.autohas import mixtures
from keras_hparam.autohas.compilation import Relaxed, compile
from keras_hparam.autohas.losses import SmoothedLoss
from keras_hparam.autohas.mixup import MixupModel
from keras_hparam.spaces.relaxed import RelaxedHyperParameters, with_values
from tests.autohas import problems

NAMES = ["optimizer", "learning_rate", "weight_decay", "loss", "augmentation", "label_smoothing", "mixup"]


def model(outputs=3):
    return keras.Sequential([keras.Input((6,)), layers.Dense(outputs, "softmax")])


def compiled(hp=None, made=None, **arguments):
    """A model compiled by `compile`, with few candidates but for those given."""
    few = {"optimizer": ["sgd"], "learning_rate": [0.1], "loss": problems.LOSS}
    return compile(made or model(), hp or kt.HyperParameters(), **few | arguments)


def test_a_random_search_trains_plain_models_of_all_kinds(tmp_path):
    x, y = problems.data(number=16)
    made = []

    def build(hp):
        made.append(problems.everything(hp))
        made[-1].run_eagerly = True
        return made[-1]

    tuner = kt.RandomSearch(build, "val_loss", 3, seed=1, directory=str(tmp_path), project_name="plain")
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    trials = tuner.oracle.get_best_trials(3)
    assert len(trials) == 3 and all(np.isfinite(trial.score) for trial in trials)
    assert {parameter.name for parameter in tuner.oracle.get_space().space} == {"block", "units", "rate", *NAMES}
    kinds = {type(layer) for model in made for layer in model._flatten_layers()}
    assert not any(issubclass(kind, mixtures.Relaxed) for kind in kinds)
    assert MixupModel in kinds and layers.Dropout in kinds
    assert any(isinstance(model.loss, SmoothedLoss) for model in made)


@pytest.mark.parametrize(
    "ask", [lambda hp: hp.Choice("depth", [1, 2]), lambda hp: hp.Int("depth", 1, 2), lambda hp: hp.Boolean("depth")]
)
def test_a_value_that_the_build_function_looks_at_is_named(ask):
    def build(hp):
        ask(hp)
        return compiled(hp)

    assert isinstance(build(kt.HyperParameters()), keras.Model)
    with pytest.raises(errors.InvalidArgumentError, match=r"Expected hyperparameters that can be relaxed.*'depth'"):
        build(RelaxedHyperParameters())


def test_a_supernet_has_all_candidates():
    found = problems.relaxed(problems.everything)
    assert isinstance(found, Relaxed) and list(found.bases) == ["block", "units", "rate", *NAMES]
    assert [basis.kind for basis in found.bases.values()][:3] == ["architecture", "architecture", "continuous"]
    assert list(found.optimizers) == ["sgd", "adam", "adamw", "rmsprop"]
    assert list(found.losses) == [problems.LOSS, "mse"] and list(found.augmentations) == ["none", "noise"]
    assert found.bases["weight_decay"].values == (0.0, 0.1) and found.smooths and found.decay_steps is None


def test_bases_of_a_scope_have_its_name():
    def build(hp):
        with hp.name_scope("first"):
            x = problems.choice(hp, "block", {"dense": layers.Dense(6), "skip": None})(inputs := keras.Input((6,)))
        return compiled(hp, keras.Model(inputs, layers.Dense(3)(x)))

    found = build(RelaxedHyperParameters()).bases
    assert list(found) == ["first/block", *NAMES] == [basis.name for basis in found.values()]


def test_a_supernet_is_not_compiled_within_a_name_scope():
    hp = RelaxedHyperParameters()
    with hp.name_scope("part"), pytest.raises(errors.InvalidArgumentError, match="name scopes.*'part/optimizer'"):
        compiled(hp)


def test_without_a_choice_nothing_is_asked_for():
    hp = kt.HyperParameters()
    found = compiled(hp, weight_decay=[0.01])
    assert hp.space == [] and type(found) is keras.Sequential
    assert float(found.optimizer.learning_rate) == pytest.approx(0.1) and found.optimizer.weight_decay == 0.01


@pytest.mark.parametrize("name, kind", [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW"), ("rmsprop", "RMSprop")])
@pytest.mark.parametrize("decay", [0.0, 0.25])
def test_the_chosen_optimizer_has_the_chosen_rate_and_decay(name, kind, decay):
    hp = with_values({"optimizer": name, "learning_rate": 0.03, "weight_decay": decay})
    given = ["sgd", "adam", "adamw", keras.optimizers.RMSprop(7.0, momentum=0.5)]
    found = compiled(hp, optimizer=given, learning_rate=[0.01, 0.1], weight_decay=[0.0, 0.5]).optimizer
    assert type(found).__name__ == kind and float(found.learning_rate) == pytest.approx(0.03)
    assert (found.weight_decay or 0.0) == decay
    assert kind != "RMSprop" or found.momentum == 0.5


def test_a_rate_falls_along_a_cosine():
    found = compiled(decay_steps=10).optimizer
    for step in (0, 3, 10):
        found.iterations.assign(step)
        assert float(found.learning_rate) == pytest.approx(0.1 * 0.5 * (1 + np.cos(np.pi * step / 10)), abs=1e-7)


def test_two_optimizers_of_a_class_have_two_names():
    made = keras.optimizers
    given = [made.SGD(), made.SGD(momentum=0.9), "adam", made.Adam(beta_1=0.5), "sgd"]
    found = compiled(RelaxedHyperParameters(), optimizer=given)
    assert list(found.optimizers) == ["sgd", "sgd_2", "adam", "adam_2", "sgd_3"]
    assert compiled(with_values({"optimizer": "sgd_2"}), optimizer=given).optimizer.momentum == 0.9


def test_label_smoothing_and_mixup_are_in_the_model_only_where_they_are_chosen():
    arguments = {"label_smoothing": [0.0, 0.2], "mixup": [0.0, 0.4]}
    found = compiled(with_values({"label_smoothing": 0.1, "mixup": 0.3}), **arguments)
    assert isinstance(found, MixupModel) and found.alpha == 0.3
    assert isinstance(found.loss, SmoothedLoss) and found.loss.label_smoothing == 0.1
    plain = compiled(with_values({"label_smoothing": 0.0, "mixup": 0.0}), **arguments)
    assert type(plain) is keras.Sequential and plain.loss == problems.LOSS


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("loss", [problems.LOSS, "mse"])
def test_a_plain_model_has_the_loss_that_the_supernet_has(loss, smoothing):
    x, y = problems.data()
    given = {"loss": [problems.LOSS, "mse"], "label_smoothing": [0.2, 0.0]}
    net = problems.supernet(lambda hp: compiled(hp, **given))
    keras.utils.set_random_seed(0)
    plain = compiled(with_values({"loss": loss, "label_smoothing": smoothing}), **given)
    state = net.initial_state()
    chosen = problems.one_hot(net, loss=given["loss"].index(loss), label_smoothing=[0.2, 0.0].index(smoothing))
    wanted, _ = net.training_loss(state["trained"], state["others"], chosen, x, y, np.ones(1, "float32"))
    assert plain.evaluate(x, y, verbose=0) == pytest.approx(float(wanted), rel=1e-5)


def test_an_augmentation_is_the_first_layer_of_the_model():
    augmentation = {"none": None, "tenfold": layers.Rescaling(10.0)}
    keras.utils.set_random_seed(0)
    plain = compiled(with_values({"augmentation": "none"}), augmentation=augmentation)
    keras.utils.set_random_seed(0)
    changed = compiled(with_values({"augmentation": "tenfold"}), augmentation=augmentation)
    x, _ = problems.data(number=4)
    np.testing.assert_allclose(changed(x), plain(10 * x), rtol=1e-6)


@pytest.mark.parametrize("loss", ["mse", problems.LOSS])
def test_the_chosen_loss_is_that_of_the_model(loss):
    assert compiled(with_values({"loss": loss}), loss=[problems.LOSS, "mse"], metrics=["accuracy"]).loss == loss


def two_inputs():
    one, other = keras.Input((2,)), keras.Input((2,))
    return keras.Model([one, other], layers.Add()([one, other]))


@pytest.mark.parametrize("made", [kt.HyperParameters, RelaxedHyperParameters])
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"made": lambda: keras.Sequential([layers.Dense(3)])}, "Expected `model` to be a functional"),
        ({"made": two_inputs}, r"Expected `model` to be .*one input and one output.*Received: \(2, 1\)"),
        ({"optimizer": []}, r"Expected `optimizer` to be a list .*Received: \[\]"),
        ({"optimizer": "sgd"}, "Expected `optimizer` to be a list .*Received: 'sgd'"),
        ({"optimizer": ["no"]}, "Expected `optimizer` to be of Keras. Received: 'no'"),
        ({"optimizer": ["nadam"]}, "Expected `optimizer` to be one of .*Received: Nadam"),
        ({"optimizer": ["sgd", "sgd"]}, "Expected `optimizer` .*do not repeat. Received: 'sgd'"),
        ({"learning_rate": [0.1, 0.0]}, r"Expected `learning_rate` .*Received: \[0.1, 0.0\]"),
        ({"learning_rate": [-1.0]}, "Expected `learning_rate`"),
        ({"learning_rate": 0.1}, "Expected `learning_rate` to be a list"),
        ({"learning_rate": [0.1, 0.1]}, "Expected `learning_rate` .*do not repeat"),
        ({"weight_decay": [-0.1]}, "Expected `weight_decay`"),
        ({"loss": []}, "Expected `loss` .*at least one"),
        ({"loss": ["mse", "mse"]}, "Expected `loss` .*names differ. Received: 'mse'"),
        ({"loss": ["no"]}, "Expected `loss` to be losses of Keras. Received: 'no'"),
        ({"augmentation": [None]}, "Expected `augmentation` to be a dict"),
        ({"augmentation": {"a": 3}}, "Expected `augmentation` to be a dict .*Received: {'a': 3}"),
        ({"augmentation": {"a": lambda x: 2 * x}}, "Expected `augmentation` to be a dict .*layer"),
        ({"augmentation": {}}, "Expected `augmentation` .*at least one"),
        ({"label_smoothing": [1.0]}, "Expected `label_smoothing`"),
        ({"label_smoothing": 0.1}, "Expected `label_smoothing` to be a list of numbers. Received: 0.1"),
        ({"label_smoothing": [0.1], "made": lambda: model(1)}, "output for each class.*`label_smoothing`.*Received"),
        ({"mixup": [-0.1]}, "Expected `mixup`"),
        ({"decay_steps": 0}, "Expected `decay_steps` .*Received: 0"),
    ],
)
def test_what_cannot_be_compiled_is_refused(made, arguments, message):
    arguments = {name: value() if name == "made" else value for name, value in arguments.items()}
    with pytest.raises(errors.InvalidArgumentError, match=message):
        compiled(made(), **arguments)
