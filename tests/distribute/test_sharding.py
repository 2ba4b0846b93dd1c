"""Every replica gets its own shard of every batch, in order, whatever their sizes."""

import time

import numpy as np
import pytest

from keras_hparam import distribute
from keras_hparam.distribute import strategies


def make(step, shard, number):
    """As many rows as the shard has number, each (step, shard, number); and the step alone."""
    return {"rows": np.full((shard + 1, 3), (step, shard, number), "int32"), "other": (np.float32(step),)}


@pytest.fixture(params=[1, 2])
def strategy(request, logical_cpus):
    return strategies.mirrored(*logical_cpus[: request.param])


def batches(strategy, steps):
    import tensorflow as tf

    specs = {"rows": tf.TensorSpec([None, 3], "int32"), "other": (tf.TensorSpec([], "float32"),)}
    return distribute.distributed_batches(strategy, make, specs, steps)


def test_replicas_get_the_shards_of_the_asked_steps(strategy):
    number = strategy.num_replicas_in_sync
    for step, batch in zip(range(3, 8), batches(strategy, range(3, 7)), strict=False):
        rows = strategy.experimental_local_results(batch["rows"])
        assert len(rows) == number
        for shard, part in enumerate(rows):
            np.testing.assert_array_equal(part, make(step, shard, number)["rows"])
        assert [float(x) for x in strategy.experimental_local_results(batch["other"][0])] == [step] * number
    assert step == 6


def test_iterators_are_gone_at_once():
    """However long they have been there: TensorFlow may wait for the thread that tunes a pipeline. Three, by chance."""
    import tensorflow as tf

    iterators = [batches(tf.distribute.get_strategy(), range(100)) for _ in range(3)]
    for iterator in iterators:
        next(iterator)
    del iterator
    time.sleep(1.5)
    while iterators:
        began = time.perf_counter()
        iterators.pop()
        assert time.perf_counter() - began < 0.5
