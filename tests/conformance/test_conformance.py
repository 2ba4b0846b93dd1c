"""Every public layer and model of the package passes every check, or the table says why one does not apply."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest

import keras_hparam
from keras_hparam import testing
from tests.conformance import table

CELLS = [(name, check) for name, row in table.TABLE.items() for check in table.CHECKS if check not in row.skipped]


def run(check, row, rng, path):
    """Runs one cell of the table."""
    inputs = row.inputs(rng)
    if check == "config_round_trip":
        testing.check_config_round_trip(row.make(), inputs)
    elif check == "save_and_load":
        testing.check_save_and_load(row.make(), inputs, path)
    elif check == "xla":
        testing.check_xla(row.make(), inputs)
    elif check == "mixed_precision":
        testing.check_mixed_precision(row.make, inputs, row.output_dtype)
    else:
        arguments = inputs if isinstance(inputs, tuple) else (inputs,)
        outputs = keras.tree.map_structure(np.asarray, row.make()(*arguments))
        targets = keras.tree.map_structure(lambda y: rng.standard_normal(y.shape).astype("float32"), outputs)
        testing.check_two_replicas(row.make, inputs, targets)


@pytest.mark.parametrize("name, check", [cell for cell in CELLS if cell[1] != "two_replicas"])
def test_conforms(name, check, rng, tmp_path):
    keras.utils.set_random_seed(0)
    run(check, table.TABLE[name], rng, tmp_path / "model.keras")


@pytest.mark.parametrize("name", [name for name, check in CELLS if check == "two_replicas"])
def test_two_replicas_equal_one(name, rng, tmp_path, logical_cpus):
    keras.utils.set_random_seed(0)
    run("two_replicas", table.TABLE[name], rng, tmp_path)


JAX_ONLY = "keras_hparam.optformer.engines.jax_engine"  # imports JAX, which is optional, and defines no layer


def public_classes():
    """Dotted names of the public subclasses of Layer, Model among them, that the package defines."""
    found = {}
    for module in pkgutil.walk_packages(keras_hparam.__path__, "keras_hparam."):
        if module.name == JAX_ONLY:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(value) and issubclass(value, keras.layers.Layer) and not name.startswith("_"):
                if value.__module__.startswith("keras_hparam."):
                    found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def test_every_public_class_is_in_the_table():
    classes = public_classes()
    assert "keras_hparam.optformer.model.OptFormer" in classes
    tabled = {type(row.make()) for row in table.TABLE.values()}
    missing = [name for name, value in classes.items() if value not in tabled and name not in table.ABSTRACT]
    assert not missing, f"Expected a row in tests/conformance/table.py for every public class. Missing: {missing}."
    assert set(table.ABSTRACT) <= set(classes)
    for name, reason in table.ABSTRACT.items():
        assert reason and "call" not in vars(classes[name]), name


def test_what_is_skipped_has_a_reason():
    for name, row in table.TABLE.items():
        assert set(row.skipped) <= set(table.CHECKS) and all(row.skipped.values()), name
        assert len(row.skipped) < len(table.CHECKS), name
