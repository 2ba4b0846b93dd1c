"""The optimizer under Keras' JAX backend as under TensorFlow."""

from tests.ensembles.jax_process import compare, needs_jax

PROGRAM = """
from keras_hparam import optimizers
from tests.learned_optimizers import trainees

found = {}
cases = {
    "plain": {}, "decay": {"weight_decay": 0.5, "clipnorm": 0.1}, "accumulation": {"gradient_accumulation_steps": 2},
    "fallback": {"fallback": "adam", "fallback_after": 2},
}
for name, options in cases.items():
    optimizer = trainees.random(steps=6, **options)
    found[name] = np.concatenate([np.ravel(v) for v in trainees.apply(optimizer, bad=2)])
    found[f"{name}, counts"] = [np.asarray(v) for v in (optimizer.skipped_steps, optimizer._updates)]
found["fit"] = trainees.fit(trainees.random(fallback="adam", fallback_after=2), 5, jit_compile=True)[1]
"""


@needs_jax
def test_jax_gives_the_numbers_of_tensorflow(capsys):
    numbers = compare(PROGRAM, capsys, abs=1e-4, rel=1e-4)
    assert numbers["plain, counts"] == [1, 3] and numbers["plain"] != numbers["decay"]
