"""One training step on two replicas against one device. Inputs are those of `conformance`; the first axis is rows."""

import keras
import numpy as np
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.distribute import gate_gradients, strategies
from keras_hparam.testing.structures import arguments, arrays, assert_close, filled, leaves, require


def mean_squared_error(outputs, targets):
    """Mean of the squared errors of each output, summed over outputs: a scalar.

    Args:
        outputs, targets: tensors in the same nested structure.
    """
    pairs = zip(leaves(outputs), leaves(targets), strict=True)
    return sum(tf.reduce_mean(tf.square(tf.cast(one, "float32") - tf.cast(two, "float32"))) for one, two in pairs)


def _two_cpus():
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(names) < 2:
        raise errors.UnavailableError(
            "Expected two logical CPUs: before TensorFlow's first operation, call tf.config."
            "set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2) with "
            f"cpu = tf.config.list_physical_devices('CPU')[0]. Received: {names}."
        )
    return names[:2]


def _shares(strategy, batch):
    """The leaves of a batch as tensors, an equal share of the rows for each replica."""
    count = strategy.num_replicas_in_sync

    def share(context):
        return [tf.convert_to_tensor(np.split(np.asarray(leaf), count)[context.replica_id_in_sync_group])
                for leaf in leaves(batch)]  # fmt: skip

    return strategy.experimental_distribute_values_from_function(share)


def _step(strategy, make_model, weights, inputs, targets, loss, learning_rate):
    """(weights before, each variable's value on every replica after) one step of gradient descent."""
    with strategy.scope():
        model = make_model()
        model(*arguments(inputs))
        if weights is not None:
            model.set_weights(weights)
        optimizer = keras.optimizers.SGD(learning_rate)
        optimizer.build(model.trainable_variables)
    before, variables = model.get_weights(), model.trainable_variables

    def replica_step(values, goals):
        with tf.GradientTape() as tape:
            outputs = model(*filled(arguments(inputs), values))
            share = loss(outputs, filled(targets, goals)) / strategy.num_replicas_in_sync
        optimizer.apply(gate_gradients(tape.gradient(share, variables), share), variables)  # sums over replicas

    @tf.function(autograph=False)
    def step(values, goals):
        strategy.run(replica_step, args=(values, goals))

    step(_shares(strategy, inputs), _shares(strategy, targets))
    return before, {v.path: arrays(strategy.experimental_local_results(v.value)) for v in model.weights}


def check_two_replicas(make_model, inputs, targets, loss=mean_squared_error, learning_rate=0.1, tolerance=1e-5):
    """Checks that one step of gradient descent on two logical CPUs changes the weights as on one device.

    Each replica of `keras_hparam.distribute.strategies.mirrored` gets half of the rows; make no other MirroredStrategy
    in the process (that function says why). Replicas that drift apart, a gradient of the wrong scale and a state that
    each replica keeps for itself all show.

    Args:
        make_model: callable without arguments that makes the layer or model.
        inputs: of one call; an even number of rows in every array.
        targets: arrays in the structure of the outputs, for the loss.
        loss: callable (outputs, targets) -> scalar, a mean over the rows.
        learning_rate: of the step.
        tolerance: largest |difference| / (1 + |weight|).

    Raises:
        AssertionError: if weights differ, or the step changed none.
        InvalidArgumentError: for arrays whose rows cannot be halved.
        UnavailableError: without two logical CPUs; the message says how to make them.

    Example:

    ```python
    x, y = np.ones((4, 8), "float32"), np.zeros((4, 3), "float32")
    check_two_replicas(lambda: keras.layers.Dense(3), x, y)
    ```
    """
    cpus = _two_cpus()
    rows = {np.shape(leaf)[:1] for leaf in leaves((inputs, targets))}
    if len(rows) != 1 or () in rows or min(rows)[0] % 2:
        raise errors.InvalidArgumentError(
            f"Expected `inputs` and `targets` with one even number of rows. Received: {sorted(rows)}."
        )
    settings = (inputs, targets, loss, learning_rate)
    with tf.device(cpus[0]):
        before, one = _step(tf.distribute.get_strategy(), make_model, None, *settings)
    _, two = _step(strategies.mirrored(*cpus), make_model, before, *settings)
    changed = any(np.any(old != new[0]) for old, new in zip(before, one.values(), strict=True))
    require(changed, "Expected one step of gradient descent to change a weight. Received: the same weights.")
    for (path, (expected,)), replicas in zip(one.items(), two.values(), strict=True):
        for index, received in enumerate(replicas):
            assert_close([expected], [received], tolerance, f"Weight {path} on replica {index} of 2 after one step")
