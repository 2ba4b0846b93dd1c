"""The training loop equals `fit`, is the same on two replicas, and goes on after a stop as if there had been none."""

import keras
import numpy as np
import pytest

from keras_hparam import distribute, ensembles, errors
from keras_hparam.ensembles import training
from tests.ensembles import models

X, Y = models.data(size=22)
HYPERPARAMETERS = (ensembles.L2(1e-4, 1e-1), ensembles.LabelSmoothing(1e-3, 0.3))
TRAINING = {"epochs": 3, "batch_size": 8, "tuning_data": (X[:6], Y[:6]), "seed": 5}


def make(strategy=None, optimizer=lambda: keras.optimizers.SGD(0.1), **kwargs):
    """Without dropout, whose masks have a state of their own."""
    with (strategy or distribute.strategy("default")).scope():
        options = {"optimizer": optimizer(), "tuning_optimizer": "sgd", "tuning_every": 2, **kwargs}
        return models.compiled(models.mlp(dropout=False), HYPERPARAMETERS, **options)


def variables(model):
    return [np.asarray(variable) for variable in model.variables]


class Killed(Exception):
    pass


def test_losses_fall_and_are_reported():
    seen, model = [], make()
    losses = ensembles.train(model, X, Y, **TRAINING | {"epochs": 8}, on_epoch=lambda *found: seen.append(found))
    assert seen == list(enumerate(losses)) and losses[-1] < losses[0]
    assert int(model.optimizer.iterations) == 8 * 3 and int(model.tuning_optimizer.iterations) == 12


def test_one_epoch_in_order_equals_fit():
    first, second = make(), make()
    order = np.random.default_rng((5, 0)).permutation(len(X))
    ensembles.train(first, X, Y, **TRAINING | {"epochs": 1})
    second.fit(X[order], Y[order], batch_size=8, shuffle=False, verbose=0, tuning_data=TRAINING["tuning_data"])
    for one, two in zip(variables(first), variables(second), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_two_replicas_equal_one(logical_cpus):
    results = []
    for name in ("default", "mirrored"):
        strategy = distribute.strategy(name)
        model = make(strategy)
        losses = ensembles.train(model, X[:16], Y[:16], **TRAINING, strategy=strategy)
        results.append((losses, variables(model)))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    for one, two in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


def test_the_remainder_may_be_left_out(tmp_path, monkeypatch):
    model, sizes = make(), []
    options = TRAINING | {"directory": tmp_path, "epochs": 2}
    shard = training._Loop._shard

    def seen(loop, *arguments):
        sizes.append([len(part) for part in shard(loop, *arguments)])
        return shard(loop, *arguments)

    monkeypatch.setattr(training._Loop, "_shard", seen)
    ensembles.train(model, X, Y, **options, drop_remainder=True)
    assert int(model.optimizer.iterations) == 2 * 2 and set(map(tuple, sizes)) == {(8, 8)}
    with pytest.raises(errors.InvalidArgumentError, match="'examples': 22.*Received: {'examples': 16}"):
        ensembles.train(make(), X, Y, **options)
    with pytest.raises(errors.InvalidArgumentError, match="`batch_size` <= 22 examples. Received: 23"):
        ensembles.train(make(), X, Y, **TRAINING | {"batch_size": 23}, drop_remainder=True)


@pytest.mark.parametrize("save_every", [1, 2, 4])
def test_a_training_that_is_killed_ends_like_one_that_is_not(tmp_path, save_every, monkeypatch):
    whole = make()
    losses = ensembles.train(whole, X, Y, **TRAINING)
    broken, steps = make(), []
    update = type(broken).tune

    def tune(model):
        steps.append(1)
        if len(steps) == 3:
            with pytest.raises(errors.InUseError, match="`directory`"):
                ensembles.train(make(), X, Y, **TRAINING, directory=tmp_path)
            raise Killed
        update(model)

    monkeypatch.setattr(type(broken), "tune", tune)
    with pytest.raises(Killed):
        ensembles.train(broken, X, Y, **TRAINING, directory=tmp_path, save_every=save_every)
    monkeypatch.setattr(type(broken), "tune", update)
    resumed = make()
    found = ensembles.train(resumed, X, Y, **TRAINING, directory=tmp_path, save_every=save_every)
    assert found == pytest.approx(losses, rel=1e-4)
    for one, two in zip(variables(whole), variables(resumed), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)  # sums of threads differ in their order
    done = make()  # nothing is left to do: what there is comes back
    assert ensembles.train(done, X, Y, **TRAINING, directory=tmp_path) == pytest.approx(losses, rel=1e-4)
    np.testing.assert_array_equal(done.bounds.values(), resumed.bounds.values())


def test_checkpoints_of_another_training_are_refused(tmp_path):
    ensembles.train(make(), X, Y, **TRAINING, directory=tmp_path)
    with pytest.raises(errors.InvalidArgumentError, match="checkpoints of this training"):
        ensembles.train(make(), X, Y, **TRAINING | {"batch_size": 4}, directory=tmp_path)


def test_an_optimizer_of_another_strategy_is_refused(logical_cpus):
    mirrored, outside = distribute.strategy("mirrored"), keras.optimizers.SGD(0.1)
    with pytest.raises(errors.InvalidArgumentError, match="the `optimizer` to be made under the scope"):
        make(mirrored, optimizer=lambda: outside)
    with pytest.raises(errors.InvalidArgumentError, match="Expected the `strategy`"):
        ensembles.train(make(), X, Y, **TRAINING, strategy=mirrored)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="compiled `model`"):
        ensembles.train(models.ensemble(), X, Y, **TRAINING)
    with pytest.raises(errors.InvalidArgumentError, match="one length"):
        ensembles.train(make(), X, Y[:3], **TRAINING)
    with pytest.raises(errors.InvalidArgumentError, match="`batch_size`"):
        ensembles.train(make(), X, Y, **TRAINING | {"batch_size": 0})
