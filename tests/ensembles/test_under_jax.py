"""Combination, uncertainty and metrics under Keras' JAX backend, in a process of its own, as under TensorFlow.

JAX is looked for beside this Python, or beside the one that the environment variable JAX_PYTHON names.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
JAX_PYTHON = os.environ.get("JAX_PYTHON", sys.executable)
PROGRAM = """
import json
import keras, numpy as np
from keras_hparam import metrics
from keras_hparam.ensembles import outputs, uncertainties
rng, found = np.random.default_rng(0), {}
logits, labels = rng.standard_normal((4, 6, 2)).astype("float32"), rng.integers(2, size=6)
bounded = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
for kind in outputs.OUTPUT_KINDS:
    members = bounded if kind.endswith("probabilities") else logits
    for how in outputs.HOWS:
        found[f"{kind} {how}"] = outputs.combine(members, kind, how)
    for name in uncertainties.MEASURES[kind]:
        found[f"{kind} {name}"] = uncertainties.measure(members, kind, name, weights=[0.4, 0.3, 0.2, 0.1])
for metric in (metrics.BrierScore(), metrics.NegativeLogLikelihood(), metrics.ExpectedCalibrationError()):
    found[metric.name] = metric(labels, bounded[0], np.arange(6.0))
found["disagreement"] = metrics.Disagreement()(labels, np.swapaxes(bounded, 0, 1))
numbers = {name: np.asarray(value, "float64").ravel().tolist() for name, value in found.items()}
print(json.dumps({"backend": keras.backend.backend(), "numbers": numbers}))
"""


def parsed(output):
    return json.loads(output.splitlines()[-1])


@pytest.mark.skipif(
    JAX_PYTHON == sys.executable and importlib.util.find_spec("jax") is None, reason="jax is not installed"
)
def test_jax_gives_the_numbers_of_tensorflow(capsys):
    done = subprocess.run(
        [JAX_PYTHON, "-c", PROGRAM],
        cwd=ROOT, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    exec(PROGRAM, {})
    found, expected = parsed(done.stdout), parsed(capsys.readouterr().out)
    assert (found["backend"], expected["backend"]) == ("jax", "tensorflow")
    found, expected = found["numbers"], expected["numbers"]
    assert set(found) == set(expected) and len(found) > 20
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, abs=1e-5), name
