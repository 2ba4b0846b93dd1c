"""Combination, uncertainty and metrics under Keras' JAX backend as under TensorFlow."""

from tests.ensembles.jax_process import compare, needs_jax

PROGRAM = """
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
"""


@needs_jax
def test_jax_gives_the_numbers_of_tensorflow(capsys):
    assert len(compare(PROGRAM, capsys, abs=1e-5)) > 20
