"""Numbers of a program under Keras' JAX backend, in a process of its own, and under TensorFlow in this one.

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
PRINT = """
numbers = {name: np.asarray(value, "float64").ravel().tolist() for name, value in found.items()}
print(json.dumps({"backend": keras.backend.backend(), "numbers": numbers}))
"""
needs_jax = pytest.mark.skipif(
    JAX_PYTHON == sys.executable and importlib.util.find_spec("jax") is None, reason="jax is not installed"
)


def compare(program, capsys, **tolerances):
    """Asserts that the arrays in the program's dict `found` are the same under both; returns TensorFlow's by name."""
    program = f"import json\nimport keras, numpy as np\n{program}{PRINT}"
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([JAX_PYTHON, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    exec(program, {})
    found, expected = (json.loads(text.splitlines()[-1]) for text in (done.stdout, capsys.readouterr().out))
    assert (found["backend"], expected["backend"]) == ("jax", "tensorflow")
    assert set(found["numbers"]) == set(expected["numbers"])
    for name, numbers in expected["numbers"].items():
        assert found["numbers"][name] == pytest.approx(numbers, **tolerances), name
    return expected["numbers"]
