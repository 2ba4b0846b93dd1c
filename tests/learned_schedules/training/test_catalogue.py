"""Families of trainees by name."""

import pathlib

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_schedules.training import catalogue
from keras_hparam.tasks import data

ROOT = pathlib.Path(__file__).resolve().parents[3]
REGRESSIONS = ("regression", "regression_noisy")
CONVOLUTIONS = ("convolutional", "convolutional_noisy", "convolutional_slow")


@pytest.fixture
def added(rng):
    """Data sets of vectors with classes, small images, larger images, and vectors for regression."""
    classes = np.arange(40) % 2
    return [
        data.data_set(rng.normal(size=(40, 3)), classes), data.data_set(rng.normal(size=(40, 8, 8, 1)), classes),
        data.data_set(rng.normal(size=(40, 9, 9, 1)), classes),
        data.data_set(rng.normal(size=(40, 3)), rng.normal(size=(40, 2))),
    ]  # fmt: skip


def losses_of(family, rng):
    """(losses of a step, losses at the end), each [1, 2]."""
    instances = family.sample(rng, 2)
    assert all(parameter.shape[0] == 2 and parameter.dtype == np.float32 for parameter in instances["parameters"])
    parameters = [ops.convert_to_tensor(parameter[None]) for parameter in instances["parameters"]]
    last = instances["parameters"][family.layer]
    assert last.ndim == 3 and last.shape[-1] == family.outputs_number
    found = family.loss(parameters, instances, 0), family.final_loss(parameters, instances)
    return [ops.convert_to_numpy(losses) for losses in found]


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_every_name_makes_trainees_that_begin_with_finite_losses(name, rng):
    family = catalogue.by_name(name)
    assert family.name == name and family.loss_name == ("squared_error" if name in REGRESSIONS else "crossentropy")
    for losses in losses_of(family, rng):
        assert losses.shape == (1, 2) and np.isfinite(losses).all() and (losses > 0).all()


def test_arrays_join_the_families_that_can_learn_from_them(added):
    joined = {}
    for name in catalogue.NAMES:
        sources, alone = (catalogue.by_name(name, given).sources for given in (added, ()))
        joined[name] = [any(one is source for source in sources) for one in added]
        assert len(sources) == len(alone) + sum(joined[name])
    assert joined == {
        **dict.fromkeys(catalogue.NAMES, [True, True, True, False]),
        **dict.fromkeys(REGRESSIONS, [False, False, False, True]),
        **dict.fromkeys(CONVOLUTIONS, [False, True, False, False]),
    }


@pytest.mark.parametrize("name, index", [("dense_deep", 2), ("normalized", 0), ("regression", 3), ("convolutional", 1)])
def test_families_learn_from_added_arrays(name, index, added, rng):
    family = catalogue.by_name(name, added)
    family.sources = (added[index],)
    assert all(np.isfinite(losses).all() for losses in losses_of(family, rng))


def test_mixtures_have_names_weights_and_added_arrays(added):
    mixture = catalogue.mixture(["regression:3", "dense"], added)
    assert [family.name for family in mixture.families] == ["regression", "dense"]
    np.testing.assert_allclose(mixture.probabilities, [0.75, 0.25])
    for family, one in zip(mixture.families, (added[3], added[0]), strict=True):
        assert any(source is one for source in family.sources)
    everything = catalogue.mixture(catalogue.NAMES)
    assert tuple(family.name for family in everything.families) == catalogue.NAMES


@pytest.mark.parametrize("name", ["digits", "", "Dense", "dense:2", None])
def test_unknown_names_are_refused(name):
    known = "one of \\('dense', .*'dense_outliers'\\)"
    with pytest.raises(errors.InvalidArgumentError, match=f"{known}. Received: {name!r}"):
        catalogue.by_name(name)


@pytest.mark.parametrize(
    "texts, message",
    [(["digits"], "'digits'"), (["dense:x"], "'x'"), (["dense:0"], "> 0"), (["dense", "dense"], "different names")],
)
def test_wrong_texts_are_refused(texts, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        catalogue.mixture(texts)


def test_the_program_knows_the_same_names():
    source = (ROOT / "tools" / "train_schedule_controller.py").read_text()
    assert all(f'"{name}"' in source for name in catalogue.NAMES)
