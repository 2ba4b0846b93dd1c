"""A process that has used nothing of the package yet loads what another one saved."""

import subprocess
import sys

import numpy as np
import pytest

import keras_hparam
from keras_hparam import ensembles
from tests.ensembles import models

PROGRAM = """
import sys
import numpy as np
import keras_hparam as kh
ensemble = kh.ensembles.load_model(sys.argv[1])
np.save(sys.argv[3], ensemble.predict_members(np.load(sys.argv[2])))
"""


def test_a_fresh_process_loads_the_ensemble(tmp_path):
    model, (x, y) = models.compiled(), models.data()
    model.fit(x, y, verbose=0, tuning_data=(x, y))
    model.save(tmp_path / "ensemble.keras")
    np.save(tmp_path / "x.npy", x)
    paths = [str(tmp_path / name) for name in ("ensemble.keras", "x.npy", "members.npy")]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(paths[2]), model.predict_members(x), atol=1e-5)


def test_every_name_of_the_room_is_there():
    assert {"HyperBatchEnsemble", "load_model", "train"} <= set(ensembles.__all__) <= set(dir(ensembles))
    assert all(getattr(ensembles, name).__doc__ for name in ensembles.__all__)
    assert keras_hparam.ensembles is ensembles
    with pytest.raises(AttributeError, match="Received: 'HyperBatch'"):
        _ = ensembles.HyperBatch
