"""Trainings side by side: order, devices, seeds, errors."""

import random
import threading
import time

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.distribute import strategies
from keras_hparam.ensembles import parallel


def test_results_keep_the_order_of_the_items(logical_cpus):
    import tensorflow as tf

    def slow(item):
        time.sleep(0.05 * (item % 2))
        return item, tf.constant(1.0).device, threading.get_ident()

    found = parallel.run(slow, [1, 2, 3, 4, 5], logical_cpus)
    assert [item for item, *_ in found] == [1, 2, 3, 4, 5]
    devices = {device.rsplit("device:")[-1] for _, device, _ in found}
    assert devices == {name.rsplit("device:")[-1] for name in logical_cpus}
    assert len({thread for *_, thread in found}) == 2
    assert all(thread == threading.get_ident() for *_, thread in parallel.run(slow, [1, 3], logical_cpus[1:]))


def test_at_any_time_one_item_on_each_device(logical_cpus):
    lock, running, most = threading.Lock(), [0], [0]

    def work(_):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1

    parallel.run(work, range(6), logical_cpus)
    assert most[0] == 2


def test_the_first_error_ends_it(logical_cpus):
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(0.05)
        if item == 1:
            raise RuntimeError("item 1")

    with pytest.raises(RuntimeError, match="item 1"):
        parallel.run(work, range(20), logical_cpus)
    assert len(begun) < 10


def test_threads_see_the_dtype_policy_of_the_caller(logical_cpus):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        names = parallel.run(lambda _: keras.layers.Dense(1).dtype_policy.name, range(4), logical_cpus)
    finally:
        keras.config.set_dtype_policy(before)
    assert set(names) == {"mixed_bfloat16"}


def test_devices_of_a_strategy(logical_cpus):
    assert parallel.devices_of(None) == parallel.devices_of(strategies.strategy("default")) == ()
    found = parallel.devices_of(strategies.mirrored(*logical_cpus))
    assert [name.rsplit("device:")[-1] for name in found] == [name.rsplit("device:")[-1] for name in logical_cpus]
    with pytest.raises(errors.InvalidArgumentError, match="`strategy`.*'mirrored'"):
        parallel.devices_of("mirrored")


def test_seeds_differ_and_are_seeds():
    seeds = {parallel.seed_of(*entropy) for entropy in [(0, 0), (1, 1), (0, 1), (1, 0), (2**40, 3)]}
    assert len(seeds) == 5 and all(0 <= seed < 2**31 for seed in seeds)
    assert parallel.seed_of(4, 2) == parallel.seed_of(4, 2)


def draws(item):
    """Numbers of all generators, before and after another training could have started."""
    with parallel.seeded(item) as started:
        first = random.random(), np.random.rand(), *keras.ops.convert_to_numpy(keras.random.normal((2,))).tolist()
        own = keras.random.SeedGenerator()
        started.on_train_batch_end(0)
        time.sleep(0.01)
        return *first, *keras.ops.convert_to_numpy(keras.random.normal((2,), seed=own)).tolist()


def test_seeded_numbers_are_the_same_side_by_side(logical_cpus):
    alone = [draws(item) for item in range(5)]
    assert len(set(alone)) == 5
    assert parallel.run(draws, range(5), logical_cpus) == alone


def test_only_one_training_starts_at_a_time(logical_cpus):
    starting, most = [0], [0]

    def work(item):
        with parallel.seeded(item) as started:
            starting[0] += 1
            most[0] = max(most[0], starting[0])
            time.sleep(0.01)
            starting[0] -= 1
            started.on_train_batch_end(0)
            started.on_train_batch_end(1)  # lets nobody else's start end

    parallel.run(work, range(6), logical_cpus)
    assert most[0] == 1
    with pytest.raises(RuntimeError, match="in the first batch"), parallel.seeded(0):
        raise RuntimeError("in the first batch")
    assert parallel.run(draws, [0]) == [draws(0)]
