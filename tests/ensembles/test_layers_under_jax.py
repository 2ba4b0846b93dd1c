"""The layers under Keras' JAX backend as under TensorFlow."""

from tests.ensembles.jax_process import compare, needs_jax

PROGRAM = """
from keras_hparam import layers
rng, found = np.random.default_rng(0), {}
lambdas, l2 = rng.random((5, 2)).astype("float32"), rng.random(5).astype("float32")
dense, images = rng.standard_normal((5, 4)).astype("float32"), rng.standard_normal((5, 6, 6, 2)).astype("float32")
made = {
    "dense": (layers.DenseHyperBatchEnsemble(3, 2, embedding="member"), dense, lambdas),
    "conv2d": (layers.Conv2DHyperBatchEnsemble(3, 2, 2, strides=2, tied_factors=True), images, lambdas),
    "batch": (layers.DenseBatchEnsemble(3, 2), dense), "batch, conv2d": (layers.Conv2DBatchEnsemble(3, 2, 2), images),
    "memberwise": (layers.Memberwise(keras.layers.BatchNormalization(), 2), images),
    "memberwise, none": (layers.Memberwise(keras.layers.Dense(2), 4), dense),
}
for name, (layer, *inputs) in made.items():
    layer(*inputs)
    layer.set_weights([rng.random(np.shape(weight)) for weight in layer.get_weights()])
    penalties = {} if "member" in name else {"l2": l2, "bias_l2": l2}
    found[name] = layer(*inputs, training=True, **penalties)
    if penalties:
        found[f"{name}, losses"] = keras.ops.stack(layer.losses)
        found[f"{name}, kernels"] = layer.member_weights(lambdas[:2])[0]
rates = np.array([0.0, 1.0, 0.0, 1.0, 1.0], "float32")
found["dropout"] = layers.EnsembleDropout()(images, rates, training=True)
"""


@needs_jax
def test_jax_gives_the_numbers_of_tensorflow(capsys):
    compare(PROGRAM, capsys, abs=1e-4, rel=1e-5)
