"""Trainings side by side: one thread for each device, and seeds that give each training its own random numbers.

Most random numbers of a Keras training come from seeds that are drawn when it starts: those of initializers and
dropout when layers are made, the order of the examples when `fit` makes its dataset. The generators that they are drawn
from belong to the whole process. So a training starts alone, from its seeds to the end of its first batch, and goes on
beside others: it gives the same weights on one device as on several.
"""

import concurrent.futures
import contextlib
import queue
import threading

import keras
import numpy as np

from keras_hparam import errors

_STARTING = threading.Lock()


def devices_of(strategy):
    """The names of the devices of a `tf.distribute.Strategy`; () for None and for the default strategy.

    Raises:
        InvalidArgumentError: for anything else, a strategy of several processes, or another backend than TensorFlow.

    Example:
        >>> devices_of(distribute.strategy("mirrored"))
        ('/job:localhost/replica:0/task:0/device:GPU:0', '/job:localhost/replica:0/task:0/device:GPU:1')
    """
    if strategy is None:
        return ()
    import tensorflow as tf

    of_one_process = isinstance(strategy, tf.distribute.Strategy) and not isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy | tf.distribute.ParameterServerStrategy
    )
    if not of_one_process or keras.backend.backend() != "tensorflow":
        raise errors.InvalidArgumentError(
            "Expected `strategy` to be a tf.distribute.Strategy of one process, under Keras' TensorFlow backend, or "
            f"None. Received: {strategy!r} under {keras.backend.backend()!r}."
        )
    try:
        return tuple(strategy.extended.worker_devices)
    except RuntimeError:  # the default strategy, which leaves the device to TensorFlow
        return ()


def run(function, items, devices=()):
    """The results of a function for all items, in their order; at any time one item on each device.

    The first exception ends it, after the items that have begun. Threads see the dtype policy of the caller.

    Args:
        function: callable of an item.
        items: list.
        devices: names of TensorFlow devices. With one or none, everything runs in the thread of the caller.

    Example:
        >>> run(train, [0, 1, 2, 3], devices=["CPU:0", "CPU:1"])
    """
    if len(devices) < 2:
        with _on(*devices):
            return [function(item) for item in items]
    policy, free = keras.config.dtype_policy(), queue.SimpleQueue()
    for device in devices:
        free.put(device)

    def work(item):
        keras.config.set_dtype_policy(policy)  # Keras keeps it for each thread
        device = free.get()
        try:
            with _on(device):
                return function(item)
        finally:
            free.put(device)

    with concurrent.futures.ThreadPoolExecutor(len(devices)) as executor:
        futures = [executor.submit(work, item) for item in items]
        try:
            concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_EXCEPTION)
        finally:
            for future in futures:
                future.cancel()  # has no effect on those that have begun
    return [future.result() for future in futures if not future.cancelled()]


def _on(device=None):
    if device is None:
        return contextlib.nullcontext()
    import tensorflow as tf

    return tf.device(device)


def seed_of(*entropy):
    """A seed in 0..2**31 − 1 that depends on ints >= 0; as good as independent ones for equally many other ints."""
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


@contextlib.contextmanager
def seeded(seed):
    """Sets all seeds, and lets no other training start before this one has trained its first batch, or is over.

    The seeds are those of `keras.utils.set_random_seed`: of Python, NumPy, TensorFlow and Keras, for the whole process.

    Args:
        seed: int in 0..2**32 − 1.

    Yields:
        A Keras callback for `fit`: it tells that the first batch is trained. Without it, trainings follow each other.

    Example:

    ```python
    with seeded(7) as started:
        build().fit(x, y, callbacks=[started])
    ```
    """
    _STARTING.acquire()
    started = _Started()
    try:
        keras.utils.set_random_seed(seed)
        keras.random.uniform((1,))  # makes the generator of this thread from the seed
        yield started
    finally:
        started.release()


class _Started(keras.callbacks.Callback):
    """Lets the next training start, once."""

    def __init__(self):
        super().__init__()
        self._holds = True

    def release(self):
        if self._holds:
            self._holds = False
            _STARTING.release()

    def on_train_batch_end(self, batch, logs=None):
        self.release()

    def __deepcopy__(self, memo):
        return self
