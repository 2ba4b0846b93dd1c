"""Labels of validation examples that are replaced like those of training."""

import numpy as np
import pytest

from keras_hparam.tasks.data import data_set
from keras_hparam.tasks.networks import DenseNetworks


@pytest.mark.parametrize("noisy", [False, True])
def test_validation_labels_are_replaced_if_asked_for(noisy):
    """The source's inputs tell the class, so a wrong label shows."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=400)
    source = data_set(np.eye(3)[y], y)
    family = DenseNetworks(
        [source], (4,), 3, 3, batch_size=8, examples=200, validation_examples=100, label_noise=0.9,
        noisy_validation=noisy,
    )  # fmt: skip
    shares = []
    for seed in range(8):
        found = family.sample(np.random.default_rng(seed), 1)
        x, labels = found["x_validation"][0], found["y_validation"][0].argmax(axis=-1)
        centres = {tuple(row.round(3)) for row in x}
        usual = {c: np.bincount(labels[[tuple(r.round(3)) == c for r in x]], minlength=3).max() for c in centres}
        shares.append(1 - sum(usual.values()) / len(labels))
    assert max(shares) > 0.1 if noisy else max(shares) == 0.0
