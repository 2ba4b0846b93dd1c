"""Two replicas equal one: the learned steps, the fallback's, and those that are skipped."""

import numpy as np
import pytest
import tensorflow as tf

from keras_hparam.distribute import strategies
from tests.learned_optimizers.trainees import assert_same, data, network, random


def train(strategy, bad, **options):
    """(weights, counters) on every replica after four steps on halves of the rows."""
    x, y = data()
    with strategy.scope():
        model, optimizer = network(), random(**options)
        optimizer.build(model.trainable_variables)
    count = strategy.num_replicas_in_sync

    def replica_step(rows, goals):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(rows) - goals)) / count
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    @tf.function
    def step(rows, goals):
        strategy.run(replica_step, args=(rows, goals))

    for number in range(4):
        rows = x + 0.1 * number
        rows[-1, 0] = np.nan if number == bad else rows[-1, 0]  # of the last replica alone

        def share(array, context):
            return tf.constant(np.split(array, count)[context.replica_id_in_sync_group])

        step(*(strategy.experimental_distribute_values_from_function(lambda c, a=a: share(a, c)) for a in (rows, y)))
    values = [strategy.experimental_local_results(v.value) for v in [*model.weights, *optimizer.variables[2:]]]
    return [[np.asarray(value[replica]) for value in values] for replica in range(count)], optimizer


@pytest.mark.parametrize(
    "bad, options", [(1, {"weight_decay": 0.1, "clipvalue": 0.3}), (3, {"fallback": "adam", "fallback_after": 2})]
)
def test_two_replicas_equal_one(bad, options, logical_cpus):
    with tf.device(logical_cpus[0]):
        (one,), optimizer = train(tf.distribute.get_strategy(), bad, **options)
    two, _ = train(strategies.mirrored(*logical_cpus), bad, **options)
    for replica in two:
        assert_same(replica, one, rtol=1e-4, atol=1e-5)
    assert int(optimizer.skipped_steps) == (bad is not None)
