"""A converted model: its members are those that its folded models compute, also after saving; errors name the layer.

Axes: K members, n examples.
"""

import keras
import numpy as np
import pytest
from keras import layers

from keras_hparam import ensembles, errors, metrics
from tests.ensembles import models
from tests.ensembles.models import K


def trained(model=None, shape=(4,), **kwargs):
    found = models.compiled(model, **kwargs)
    x, y = models.data(shape)
    found.fit(x, y, epochs=2, batch_size=8, verbose=0, tuning_data=models.data(shape, seed=1))
    return found, x, y


@pytest.mark.parametrize("make, shape", [(models.mlp, (4,)), (models.residual_network, (6, 6, 2))])
@pytest.mark.parametrize("hyperparameters", [models.HYPERPARAMETERS, ()])
def test_folded_models_are_the_members(make, shape, hyperparameters, tmp_path):
    found, x, _ = trained(make(), shape, hyperparameters=hyperparameters)
    members = found.predict_members(x)
    folded = found.fold()
    assert members.shape == (K, len(x), 3) and [type(one) for one in folded] == [type(make())] * K
    for member, plain in zip(members, folded, strict=True):
        np.testing.assert_allclose(plain.predict(x, verbose=0), member, atol=1e-5)
        assert plain.count_params() == make().count_params()
    probabilities = np.exp(members) / np.exp(members).sum(-1, keepdims=True)
    np.testing.assert_allclose(found.predict(x, verbose=0), np.log(probabilities.mean(0)), atol=1e-5)
    folded[0].save(tmp_path / "member.keras")


def test_members_differ_and_the_combined_output_is_theirs():
    found, x, _ = trained()
    members = found.predict_members(x)
    assert np.abs(members[0] - members[1]).max() > 0.1
    deep = ensembles.DeepEnsemble(found.fold(), output_kind="logits")
    np.testing.assert_allclose(deep.predict(x, verbose=0), found.predict(x, verbose=0), atol=1e-5)
    for measure in ("predictive_entropy", "mutual_information", "kl_to_mean", "score_range", "variance"):
        np.testing.assert_allclose(deep.uncertainty(x, measure), found.uncertainty(x, measure), atol=1e-5)


@pytest.mark.parametrize("with_options", [True, False])
def test_saving_keeps_everything(with_options, tmp_path):
    options = {"tuning_optimizer": keras.optimizers.Adam(0.05), "tuning_every": 2, "loss_of": "ensemble"}
    options["member_metrics"] = [metrics.Disagreement()]
    found, x, y = trained(models.mlp(dropout=False), hyperparameters=models.HYPERPARAMETERS[::2], metrics=["accuracy"],
                          **(options if with_options else {}))  # fmt: skip
    found.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), found.predict(x, verbose=0))
    np.testing.assert_array_equal(loaded.bounds.values(), found.bounds.values())
    assert loaded.evaluate(x, y, verbose=0) == found.evaluate(x, y, verbose=0)
    assert [column.name for column in loaded.columns] == [column.name for column in found.columns]
    for model in (found, loaded):  # optimizers' states and random numbers too
        model.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=0, tuning_data=(x, y))
    np.testing.assert_array_equal(loaded.bounds.values(), found.bounds.values())
    assert loaded.options.tuning_every == (2 if with_options else 3)
    uncompiled = keras.saving.load_model(tmp_path / "ensemble.keras", compile=False)
    assert uncompiled.output_kind == "logits"


def test_the_hyperparameters_are_fixed_at_the_mean_of_each_distribution():
    found, x, _ = trained()
    lower, upper = found.bounds.values()
    mean = np.log((upper - lower) / np.log(upper / lower))
    uniform = (mean - np.log(lower)) / np.log(upper / lower)  # the sample that is the mean
    uniform = np.repeat(uniform[:, None], len(x), axis=1).astype("float32")
    sampled, _ = found.run(x, uniform=uniform)
    np.testing.assert_allclose(np.moveaxis(np.asarray(sampled), 0, 0), found.predict_members(x), atol=1e-4)


def test_each_way_to_convert_a_layer():
    chosen = {"hidden": "independent", "head": "hyper_batch"}
    found, x, _ = trained(layers=chosen, hyperparameters=[ensembles.L2(1e-4, 1e-2)])
    kinds = {part.path: type(part.converted).__name__ for part in found.converted.parts}
    assert kinds == {"hidden": "Memberwise", "dropout": "Dropout", "head": "DenseHyperBatchEnsemble"}
    for member, plain in zip(found.predict_members(x), found.fold(), strict=True):
        np.testing.assert_allclose(plain.predict(x, verbose=0), member, atol=1e-5)
    shared = models.ensemble(hyperparameters=(), layers={"hidden": "shared", "head": "batch"})
    kinds = [type(part.converted).__name__ for part in shared.converted.parts]
    assert kinds == ["Dense", "Dropout", "DenseBatchEnsemble"]


def test_options_of_the_layers_are_kept(tmp_path):
    options = {"tied_factors": True, "embedding": "member", "bias_embedding": False, "regularize": "shared"}
    found = models.compiled(models.mlp(dropout=False), [ensembles.L2(1e-4, 1e-2)], layer_options=options)
    x, y = models.data()
    found.fit(x, y, verbose=0, tuning_data=(x, y))
    found.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    for model in (found, loaded):
        layer = model.converted.parts[0].converted
        assert layer.u is None and layer.kernel_map.shape == (K, 2, 8) and layer.bias_map is None
        assert layer.regularize == "shared"
    np.testing.assert_array_equal(loaded.predict_members(x), found.predict_members(x))
    for member, plain in zip(found.predict_members(x), found.fold(), strict=True):
        np.testing.assert_allclose(plain.predict(x, verbose=0), member, atol=1e-5)


def test_a_layer_that_is_called_twice_keeps_one_set_of_weights():
    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    model = keras.Model(inputs, layers.Dense(3, name="head")(shared(shared(inputs))))
    found, x, _ = trained(model, hyperparameters=[ensembles.L2(1e-4, 1e-2)])
    assert len(found.converted.parts) == 2
    np.testing.assert_allclose(found.fold()[1].predict(x, verbose=0), found.predict_members(x)[1], atol=1e-5)


def test_frozen_layers_stay_as_they_are():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="fixed"), layers.Dense(4, name="free")])
    inner.get_layer("fixed").trainable = False
    inputs = keras.Input((4,))
    found = models.compiled(keras.Model(inputs, layers.Dense(3)(inner(inputs))), [ensembles.L2(1e-4, 1e-2)])
    parts = {part.path.rpartition("/")[2]: part.converted for part in found.converted.parts}
    before = {name: part.get_weights() for name, part in parts.items()}
    x, y = models.data()
    found.fit(x, y, verbose=0, tuning_data=(x, y))
    for one, two in zip(before["fixed"], parts["fixed"].get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(before["free"][0], parts["free"].get_weights()[0])


def test_inputs_and_outputs_by_name():
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    x = layers.Concatenate()([a, b])
    outputs = [layers.Dense(1, name="mean")(x), layers.Dense(3, activation="softmax", name="kind")(x)]
    hyperparameters = [ensembles.LossWeight(0.1, 10.0, "kind"), ensembles.L2(1e-4, 1e-2)]
    found = models.ensemble(keras.Model({"b": b, "a": a}, outputs), hyperparameters)
    found.compile("adam", {"mean": "mse", "kind": "sparse_categorical_crossentropy"})
    x, y = models.data()
    inputs, targets = {"a": x, "b": x[:, :2]}, [x[:, 0], y]
    found.fit(inputs, targets, batch_size=8, verbose=0, tuning_data=(inputs, targets))
    mean, kind = found.predict(inputs, verbose=0)
    assert mean.shape == (24, 1) and kind.shape == (24, 3)
    np.testing.assert_allclose(kind.sum(-1), 1.0, rtol=1e-5)
    folded = [plain.predict(inputs, verbose=0) for plain in found.fold()]
    np.testing.assert_allclose(np.mean([one[1] for one in folded], 0), kind, atol=1e-5)
    np.testing.assert_allclose(np.mean([one[0] for one in folded], 0), mean, atol=1e-5)


def test_outputs_in_a_dict():
    inputs = keras.Input((4,))
    hidden = layers.Dense(4, name="hidden")(inputs)
    outputs = {"p": layers.Dense(1, name="one")(hidden), "q": layers.Dense(2, name="two")(hidden)}
    found = models.ensemble(keras.Model(inputs, outputs), [ensembles.LossWeight(0.1, 10.0, "q")])
    found.compile("adam", {"p": "mse", "q": "mae"})
    x, _ = models.data()
    y = {"p": x[:, 0], "q": x[:, 1:3]}
    found.fit(x, y, verbose=0, tuning_data=(x, y))
    predicted, members = found.predict(x, verbose=0), found.predict_members(x)
    for name in "pq":
        np.testing.assert_allclose(members[name].mean(0), predicted[name], atol=1e-5)
        np.testing.assert_allclose(found.fold()[0].predict(x, verbose=0)[name], members[name][0], atol=1e-5)


def test_an_export_gives_the_same_outputs(tmp_path):
    import tensorflow as tf

    found, x, _ = trained()
    found.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(served.serve(x), found.predict(x, verbose=0), atol=1e-5)


def test_trimmed_means_and_gaussian_outputs():
    found = models.ensemble(models.mlp(outputs=2), [ensembles.L2(1e-4, 1e-2)], combination="trimmed_mean")
    found.compile("adam", ensembles.GaussianNegativeLogLikelihood())
    x, _ = models.data()
    found.fit(x, x[:, 0], verbose=0, tuning_data=(x, x[:, 0]))
    assert found.output_kind == "gaussian"
    means = np.sort(found.predict_members(x)[..., 0], axis=0)
    outlier_is_last = means[2] - means[1] > means[1] - means[0]
    expected = np.where(outlier_is_last, means[:2].mean(0), means[1:].mean(0))
    np.testing.assert_allclose(found.predict(x, verbose=0)[:, 0], expected, atol=1e-5)
    assert found.uncertainty(x, "total_variance").shape == (24,)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "4"])
def test_another_ensemble_size_is_refused(size):
    with pytest.raises(errors.InvalidArgumentError, match="Expected `ensemble_size` to be an int >= 1"):
        models.ensemble(size=size)


def test_one_member_is_an_ensemble():
    found, x, _ = trained(size=1)
    member = found.predict_members(x)[0]
    log_probabilities = member - np.log(np.exp(member).sum(-1, keepdims=True))
    np.testing.assert_allclose(found.predict(x, verbose=0), log_probabilities, atol=1e-5)


def unbuilt():
    return keras.Sequential([layers.Dense(3)])


def with_recurrence():
    return keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, name="memory"), layers.Dense(2, name="head")])


def with_constraint():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, name="head", kernel_constraint="non_neg")])


@pytest.mark.parametrize(
    "make, arguments, message",
    [
        (unbuilt, {}, "known input shapes"),
        (lambda: "model", {}, "known input shapes"),
        (with_recurrence, {"hyperparameters": [ensembles.L2(1e-4, 1e-2)]}, "the layer 'memory', a LSTM"),
        (with_constraint, {"hyperparameters": [ensembles.L2(1e-4, 1e-2)]}, "`kernel_constraint`.* 'head'"),
        (models.mlp, {"layers": {"missing": "shared"}}, r"Received: \['missing'\]"),
        (models.mlp, {"layers": {"hidden": "mixed"}}, "Received: 'mixed' for 'hidden'"),
        (models.mlp, {"layers": {"dropout": "batch"}}, "'dropout', a Dropout"),
        (models.mlp, {"layers": {"hidden": "batch", "head": "batch"}}, "at least one Dense or Conv2D"),
        (models.mlp, {"layers": {"hidden": "hyper_batch"}, "hyperparameters": ()}, "Expected `hyperparameters`"),
        (models.mlp, {"combination": "median"}, "median"),
        (models.mlp, {"hyperparameters": ensembles.L2(1e-4, 1e-2)}, "`hyperparameters` to be a list"),
        (models.mlp, {"layer_options": {"tied": True}}, r"`layer_options`.*\['tied'\]"),
        (models.mlp, {"layer_options": {"embedding": "both"}}, "`embedding`"),
    ],
)
def test_what_cannot_be_converted_is_named(make, arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        models.ensemble(make(), **arguments)


def test_a_recurrent_layer_becomes_independent_when_chosen():
    found = models.ensemble(with_recurrence(), [ensembles.L2(1e-4, 1e-2)], layers={"memory": "independent"})
    x = np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32")
    for member, plain in zip(found.predict_members(x), found.fold(), strict=True):
        np.testing.assert_allclose(plain.predict(x, verbose=0), member, atol=1e-5)
