"""A layer in mixed precision against the same layer in float32. Inputs are those of `conformance`."""

import contextlib

import keras
import numpy as np

from keras_hparam.testing.copies import copied, name_of
from keras_hparam.testing.structures import arguments, arrays, assert_close, leaves, require


@contextlib.contextmanager
def _policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_mixed_precision(make, inputs, output_dtype=None, tolerance=0.1):
    """Checks a layer under the policy "mixed_bfloat16" against the same weights under "float32".

    Variables stay float32, outputs are finite and close, and the layer keeps its policy when its configuration makes it
    again where the global policy is float32 (a sublayer made without `dtype=self.dtype_policy` does not).

    Args:
        make: callable without arguments that makes the layer; it gives no dtype.
        inputs: of one call; see the module.
        output_dtype: dtype that every floating output must have, such as "float32" for logits; None: any.
        tolerance: largest |difference| / (1 + |output|).

    Raises:
        AssertionError: if any of that does not hold.

    Example:

    ```python
    check_mixed_precision(lambda: keras.layers.Dense(3), np.ones((2, 4), "float32"), output_dtype="bfloat16")
    ```
    """
    with _policy("float32"):
        reference = make()
        expected = arrays(reference(*arguments(inputs)))
    with _policy("mixed_bfloat16"):
        layer = make()
        layer(*arguments(inputs))
        layer.set_weights(reference.get_weights())
        outputs = layer(*arguments(inputs))
    dtypes = {v.path: v.dtype for v in layer.variables if "float" in v.dtype and v.dtype != "float32"}
    require(not dtypes, f"{name_of(layer)}: expected float32 variables under mixed_bfloat16. Received: {dtypes}.")
    dtypes = [keras.backend.standardize_dtype(leaf.dtype) for leaf in leaves(outputs)]
    wrong = [dtype for dtype in dtypes if output_dtype is not None and "float" in dtype and dtype != output_dtype]
    require(not wrong, f"{name_of(layer)}: expected {output_dtype} outputs under mixed_bfloat16. Received: {dtypes}.")
    received = arrays(outputs)
    finite = all(np.isfinite(array).all() for array in received)
    require(finite, f"{name_of(layer)}: expected finite outputs under mixed_bfloat16. Received: NaN or infinity.")
    assert_close(expected, received, tolerance, f"{name_of(layer)} under mixed_bfloat16")
    with _policy("float32"):
        clone = copied(layer, inputs)
        what = f"{name_of(layer)} of policy mixed_bfloat16 from its configuration, where the global policy is float32"
        assert_close(received, arrays(clone(*arguments(inputs))), 1e-6, what)
