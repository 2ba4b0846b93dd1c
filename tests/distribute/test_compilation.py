"""Compiled functions of structures."""

import numpy as np
from keras import ops

from keras_hparam.distribute import compilation


def test_structures_go_in_and_out_and_arrays_are_not_constants():
    calls = []

    def function(inputs, offset):
        calls.append(offset)
        total = inputs["a"] + inputs["b"][0]
        return {"sum": total if offset is None else total + offset, "pair": (inputs["a"], 2 * inputs["a"])}

    compiled = compilation.compile(function)
    for number in (1.0, 2.0):
        found = compiled({"a": np.float32(number), "b": [np.ones(2, "float32")]}, np.float32(3))
        np.testing.assert_array_equal(ops.convert_to_numpy(found["sum"]), [number + 4] * 2)
        assert float(found["pair"][1]) == 2 * number
    assert len(calls) == 1
    found = compiled({"a": np.float32(1), "b": [np.ones(2, "float32")]}, None)
    np.testing.assert_array_equal(ops.convert_to_numpy(found["sum"]), [2.0, 2.0])
    assert len(calls) == 2
