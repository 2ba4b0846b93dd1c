"""Families by name."""

import pathlib

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta import catalogue
from keras_hparam.learned_optimizers.particles.config import ParticleConfig
from keras_hparam.tasks import data

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_every_name_makes_tasks_that_begin_with_finite_losses(name, rng):
    family = catalogue.by_name(name)
    instances = family.sample(rng, 2)
    assert all(parameter.shape[0] == 2 and parameter.dtype == np.float32 for parameter in instances["parameters"])
    losses = np.asarray(family.loss([parameter[None] for parameter in instances["parameters"]], instances, 0))
    assert losses.shape == (1, 2) and np.isfinite(losses).all() and (losses > 0).all()


def test_arrays_join_the_families_that_can_learn_from_them(tmp_path, rng):
    np.savez(tmp_path / "classes.npz", x=rng.normal(size=(30, 3)), y=np.arange(30) % 2)
    np.savez(tmp_path / "images.npz", x=rng.normal(size=(30, 8, 8, 1)), y=np.arange(30) % 2)
    np.savez(tmp_path / "numbers.npz", x=rng.normal(size=(30, 3)), y=rng.normal(size=30))
    arrays = [data.load(tmp_path / f"{name}.npz") for name in ("classes", "images", "numbers")]
    found = {name: catalogue.by_name(name, arrays).sources for name in catalogue.NAMES[3:]}
    joined = {name: [any(one is source for source in sources) for one in arrays] for name, sources in found.items()}
    assert joined == {
        **dict.fromkeys(catalogue.NAMES[3:8], [True, True, False]),
        "dense_regression": [False, False, True], "convolutional": [False, True, False],
    }  # fmt: skip
    for path in ("nowhere.npz", "test.txt"):
        (tmp_path / "test.txt").write_text("x")
        with pytest.raises(errors.InvalidArgumentError, match=f"`x` and `y`. Received: .*{path}"):
            data.load(tmp_path / path)


def test_mixtures_have_names_and_weights():
    mixture = catalogue.mixture(["ackley:3", "quadratics"])
    assert [family.name for family in mixture.families] == ["ackley-10", "quadratic-20"]
    np.testing.assert_allclose(mixture.probabilities, [0.75, 0.25])
    for texts, message in ((["digits"], "'digits'"), (["ackley:x"], "'x'"), (["ackley", "ackley"], "different names")):
        with pytest.raises(errors.InvalidArgumentError, match=message):
            catalogue.mixture(texts)


def test_clusters_get_the_steps_of_the_rule():
    config = ParticleConfig(steps=(5.0, 7.0, 11.0, 13.0, 17.0, 19.0))
    assert catalogue.by_name("lennard_jones_13", particles=config).lengths == (7, 7)
    assert catalogue.by_name("lennard_jones_13").lengths == (30, 30)


def test_the_program_knows_the_same_names():
    source = (ROOT / "tools" / "meta_train_optimizer.py").read_text()
    assert all(f'"{name}"' in source for name in catalogue.NAMES)
