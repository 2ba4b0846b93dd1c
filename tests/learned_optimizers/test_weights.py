"""Weights of rules on disk."""

import numpy as np
import pytest

from keras_hparam import checkpoints, errors
from keras_hparam.learned_optimizers import weights
from keras_hparam.learned_optimizers.config import OptimizerConfig
from keras_hparam.learned_optimizers.elementwise_rule import ElementwiseRule

RULE = ElementwiseRule(OptimizerConfig(widths=(3,), learned=("beta",)))


def test_weights_come_back_with_their_rule(tmp_path):
    weights.save(tmp_path / "rule", RULE, RULE.initial(1), seed=1)
    rule, theta = weights.load(tmp_path / "rule", ElementwiseRule)
    assert rule.config == RULE.config and theta.dtype == "float32"
    np.testing.assert_array_equal(theta, RULE.initial(1))
    assert checkpoints.load_weights(tmp_path / "rule", kind="elementwise_rule").manifest["training"] == {"seed": 1}


def test_unknown_names_are_refused_and_the_shipped_ones_listed():
    with pytest.raises(errors.InvalidArgumentError, match=r"optformer-small.* Received: 'learned-n'"):
        weights.load("learned-n", ElementwiseRule)


@pytest.mark.parametrize("theta", [np.zeros(3), np.full(RULE.num_parameters, np.nan), None, "theta"])
def test_wrong_weights_are_not_saved(theta, tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match=f"`theta` to be {RULE.num_parameters} finite numbers"):
        weights.save(tmp_path / "rule", RULE, theta)


def test_foreign_and_damaged_files_are_refused(tmp_path):
    config, theta = RULE.to_dict(), {"theta": RULE.initial(0)}
    checkpoints.save_weights(tmp_path / "other", theta, config, kind="particle_rule")
    checkpoints.save_weights(tmp_path / "size", {"theta": np.zeros(3)}, config, kind=RULE.kind)
    checkpoints.save_weights(tmp_path / "name", {"weights": RULE.initial(0)}, config, kind=RULE.kind)
    checkpoints.save_weights(tmp_path / "config", theta, config | {"heads": 3}, kind=RULE.kind)
    weights.save(tmp_path / "cut", RULE, RULE.initial(0))
    content = (tmp_path / "cut" / "weights.npz").read_bytes()
    (tmp_path / "cut" / "weights.npz").write_bytes(content[:-9])
    for name in ("other", "size", "name", "config", "cut"):
        with pytest.raises(errors.CorruptFileError, match="Received"):
            weights.load(tmp_path / name, ElementwiseRule)


def test_a_configuration_beside_named_weights_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="`weights` None with `config`.* Received: 'learned-nn'"):
        weights.resolve("learned-nn", RULE.config, None)
