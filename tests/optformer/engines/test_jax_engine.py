"""Training under JAX, in a process of its own: the losses of TensorFlow, from its checkpoint and back, without it.

JAX is looked for beside this Python, or beside the one that the environment variable JAX_PYTHON names.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_hparam.optformer import batches, corpus, training
from keras_hparam.optformer.training_settings import TrainingSettings

ROOT = pathlib.Path(__file__).resolve().parents[3]
JAX_PYTHON = os.environ.get("JAX_PYTHON", sys.executable)
BATCHES = batches.BatchSettings(trials_per_batch=64, max_parameters=4, value_objective="advantage_weighted")
SETTINGS = TrainingSettings(steps=5, warmup_steps=2, seed=3, evaluate_every=5, log_every=1)
NEEDS_JAX = pytest.mark.skipif(
    JAX_PYTHON == sys.executable and importlib.util.find_spec("jax") is None, reason="jax is not installed"
)
PROGRAM = """
import json, pathlib, sys
workdir, config = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
from keras_hparam.optformer import batches, corpus, training
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.training_settings import TrainingSettings
from keras_hparam.optformer.vocabulary import Vocabulary
batches.LENGTHS, batches.PARAMETERS = {16: 1.0}, {6: 1.0}
settings, batch_settings = TrainingSettings(**json.loads(sys.argv[3])), batches.BatchSettings(**json.loads(sys.argv[4]))
trainer = training.Trainer(OptFormerConfig(**config), settings, workdir, batch_settings=batch_settings)
assert trainer.restore()
vocabulary, seen = Vocabulary((workdir / "tokenizer.model").read_bytes()), []
training.pretrain(trainer, vocabulary, corpus.generate_study, progress=lambda step, figures, s: seen.append(figures))
print(json.dumps({"seen": seen, "tensorflow": "tensorflow" in sys.modules, "engine": type(trainer.engine).__name__}))
"""


@NEEDS_JAX
def test_five_steps_under_jax_are_five_steps_under_tensorflow(vocabulary, config, tmp_path, monkeypatch):
    for name, only in (("LENGTHS", {16: 1.0}), ("PARAMETERS", {6: 1.0})):  # one shape to compile for, here and there
        monkeypatch.setattr(batches, name, only)
    tiny = dataclasses.replace(config, width=16, num_layers=1, value_width=8)
    trainer = training.Trainer(tiny, SETTINGS, tmp_path, batch_settings=BATCHES)
    trainer.save()
    (tmp_path / "tokenizer.model").write_bytes(vocabulary.tokenizer)
    described = [json.dumps(dataclasses.asdict(value)) for value in (tiny, SETTINGS, BATCHES)]
    done = subprocess.run(
        [JAX_PYTHON, "-c", PROGRAM, str(tmp_path), *described],
        cwd=ROOT, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["engine"] == "JaxEngine" and (not found["tensorflow"] or JAX_PYTHON == sys.executable)
    restored = training.Trainer(tiny, SETTINGS, tmp_path, batch_settings=BATCHES)
    assert restored.restore() and restored.step == 5
    seen = []

    def progress(step, figures, seconds):
        seen.append(figures)

    training.pretrain(trainer, vocabulary, corpus.generate_study, progress=progress)
    assert len(seen) == 5 and "coverage_90" in seen[-1]
    for one, two in zip(seen, found["seen"], strict=True):
        assert one == pytest.approx(two, abs=1e-4)
    for one, two in zip(trainer.model.variables, restored.model.variables, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-4)


@NEEDS_JAX
@pytest.mark.skipif(JAX_PYTHON != sys.executable, reason="jax is installed for another Python")
def test_batches_are_made_ahead_in_order_and_their_errors_are_raised():
    from keras_hparam.optformer.engines.jax_engine import prefetched

    made = []

    def make(number):
        made.append(number)
        if number == 7:
            raise ValueError("seven")
        return number

    iterator = prefetched(make, 2, 30, ahead=2)
    assert [next(iterator) for _ in range(5)] == [2, 3, 4, 5, 6]
    with pytest.raises(ValueError, match="seven"):
        next(iterator)
    assert max(made) <= 9 and list(prefetched(make, 20, 25)) == [20, 21, 22, 23, 24]
