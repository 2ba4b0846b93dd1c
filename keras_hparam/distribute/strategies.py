"""A tf.distribute strategy from the value of a flag; what the machine cannot give is an error, never a fallback."""

import contextlib
import functools
import json
import os
import socket

from keras_hparam import errors

NAMES = ("default", "mirrored", "multi_worker", "tpu")
TPU_TIMEOUT_S = 10.0


def strategy(name="default", tpu=""):
    """The `tf.distribute.Strategy` of a name.

    Args:
        name: "default" (one device), "mirrored" (all GPUs, or all logical CPUs where there is no GPU),
            "multi_worker" (the cluster that TF_CONFIG names; call before any TensorFlow operation; it waits for the
            other workers) or "tpu".
        tpu: for "tpu", the name of a Cloud TPU, "local", or "grpc://host:port"; no answer within 10 s is an error.

    Raises:
        InvalidArgumentError: for an unknown name, or a TF_CONFIG that is no description of a cluster and a task.
        UnavailableError: if the machine has fewer than two devices for "mirrored", no TF_CONFIG for "multi_worker" or
            TensorFlow has begun to compute before it, or no TPU.

    Example:

    ```python
    with distribute.strategy("mirrored").scope():
        model = build()
    ```
    """
    if name not in NAMES:
        raise errors.InvalidArgumentError(f"Expected `strategy` to be one of {NAMES}. Received: {name!r}.")
    return {"default": _default, "mirrored": _mirrored, "multi_worker": _multi_worker}.get(name, lambda: _tpu(tpu))()


def _default():
    import tensorflow as tf

    return tf.distribute.get_strategy()


def _mirrored():
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        raise errors.UnavailableError(
            "Expected at least 2 devices for strategy 'mirrored' (GPUs, or logical CPUs made with "
            "tf.config.set_logical_device_configuration or --logical_cpus). "
            f"Received: {[device.name for device in devices]}. Use strategy 'default' on this machine."
        )
    return mirrored(*[device.name for device in devices])


@functools.cache
def mirrored(*devices):
    """The `tf.distribute.MirroredStrategy` of the devices, the same object for the same names.

    Each MirroredStrategy counts its collective operations from the same number, so two of them in one process meet with
    tensors of other shapes ("Shape mismatch in the collective instance").

    Args:
        *devices: names of logical devices.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


def _multi_worker():
    import tensorflow as tf

    received = os.environ.get("TF_CONFIG")
    if not received:
        raise errors.UnavailableError(
            "Expected the environment variable TF_CONFIG (cluster and task) for strategy 'multi_worker'. "
            "Received: none."
        )
    _check_cluster(received)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:  # collective operations must be configured before anything else
        raise errors.UnavailableError(
            f"Expected strategy 'multi_worker' to be made before TensorFlow's first operation. Received: {error}"
        ) from error


def _check_cluster(text):
    """Refuses a TF_CONFIG whose task is none of its cluster."""
    try:
        config = json.loads(text)
        config["cluster"][config["task"]["type"]][int(config["task"]["index"])]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise errors.InvalidArgumentError(
            'Expected TF_CONFIG such as {"cluster": {"worker": ["host:port", "host:port"]}, "task": {"type": "worker", '
            f'"index": 0}}}}. Received: {text!r} ({error!r}).'
        ) from error


def is_chief(strategy):
    """Whether this process writes checkpoints and logs: always, but for the workers after the first of several.

    Args:
        strategy: `tf.distribute.Strategy`.
    """
    return bool(strategy.extended.should_checkpoint)


@contextlib.contextmanager
def _bounded_sockets():
    """TensorFlow asks the cloud's metadata server without a time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TPU_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _require_answers(cluster):
    """Opens a connection to every worker: connecting TensorFlow to one that is not there waits for ever."""
    for address in (address for addresses in cluster.values() for address in addresses):
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=TPU_TIMEOUT_S).close()


def _tpu(address):
    import tensorflow as tf

    try:
        with _bounded_sockets():
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(address)
            _require_answers(resolver.cluster_spec().as_dict())
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise errors.UnavailableError(f"Expected a TPU at {address!r} for strategy 'tpu'. Received: {error}") from error
    return tf.distribute.TPUStrategy(resolver)
