"""Programs on one device and on two replicas: structures, results in order, compilation by XLA or not."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.distribute import programs, strategies


@pytest.fixture(params=[1, 2])
def devices(request, logical_cpus):
    return programs.create(None if request.param == 1 else strategies.mirrored(*logical_cpus), jit=False)


def shifted(state, number):
    """A program of a structure and an array."""
    return {"sum": state["a"][0] + number, "pair": (state["b"], ops.sum(state["a"][0])), "count": state["count"] + 1}


def arguments(index):
    state = {"a": [np.full(2, index, "float32")], "b": np.full((1, 3), -index, "float32"), "count": np.int32(index)}
    return state, np.arange(2, dtype="float32")


@pytest.mark.parametrize("number", [1, 2, 5])
def test_each_gives_the_results_in_order(devices, number):
    found = devices.each(devices.compile(shifted), [arguments(i) for i in range(number)])
    assert len(found) == number
    for i, one in enumerate(found):
        np.testing.assert_array_equal(ops.convert_to_numpy(one["sum"]), [i, i + 1])
        np.testing.assert_array_equal(ops.convert_to_numpy(one["pair"][0]), np.full((1, 3), -i))
        assert float(one["pair"][1]) == 2 * i and int(one["count"]) == i + 1
        assert isinstance(one["pair"], tuple) and "int32" in str(one["count"].dtype)


def test_results_of_each_are_arguments_again(devices):
    program = devices.compile(lambda x, y: {"x": x["x"] * y})
    first = devices.each(program, [({"x": np.ones(2, "float32")}, np.float32(i)) for i in range(3)])
    again = devices.each(program, [(one, np.float32(10)) for one in first])
    assert [one["x"].numpy().tolist() for one in again] == [[0.0, 0.0], [10.0, 10.0], [20.0, 20.0]]


def test_scattered_structures_reach_their_replicas_and_are_gathered(devices):
    scattered = devices.scatter(lambda replica: {"x": [np.full((2, 3), replica, "float32")], "n": np.int32(replica)})
    found = devices.compile(lambda s, y: ops.sum(s["x"][0], axis=1) + ops.cast(s["n"], "float32") + y)(scattered, 0.5)
    wanted = [np.full(2, 4.0 * replica + 0.5) for replica in range(devices.number)]
    np.testing.assert_array_equal(devices.gather(found), wanted)


def test_a_scattered_structure_stays_one(devices):
    scattered = devices.scatter(lambda replica: (np.float32(replica), {"b": np.zeros(2)}))
    assert isinstance(scattered, tuple) and set(scattered[1]) == {"b"} and len(scattered) == 2


@pytest.mark.parametrize("jit", [False, True])
def test_jit_says_whether_xla_compiles(jit, logical_cpus):
    """Rounding to a string is what XLA cannot compile."""
    import tensorflow as tf

    def function(x):
        return ops.ones(1) * tf.strings.to_number(tf.strings.as_string(x))

    for strategy in (None, strategies.mirrored(*logical_cpus)):
        made = programs.create(strategy, jit)
        program = made.compile(function)
        if jit:
            with pytest.raises(Exception, match="(?s)unsupported operations|not compilable|Unsupported|JIT"):
                program(made.scatter(lambda replica: np.float32(replica + 2)))
        else:
            found = made.gather(program(made.scatter(lambda replica: np.float32(replica + 2))))
            np.testing.assert_array_equal(found[:, 0], [2.0, 3.0][: made.number])


def test_one_replica_is_one_device_and_a_strategy_is_tensorflows(monkeypatch):
    import tensorflow as tf

    one = programs.create(tf.distribute.get_strategy(), jit=False)
    assert one.number == 1 and one.is_chief and not one.jit
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(errors.InvalidArgumentError, match="Expected no `strategy` under Keras' backend 'jax'"):
        programs.create(tf.distribute.get_strategy())
