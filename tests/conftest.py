"""What every test shares: the backend, hypothesis' settings, a seeded generator."""

import contextlib
import gc
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # the processes side by side keep the cores busy
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, "1")

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

# A slow machine is no failure, and a failure must come again: no deadline, the same examples in every run.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=True, scope="module")
def _small_heap():
    """KerasTuner collects garbage before every trial: it need not look at what earlier modules have left."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng():
    """A `numpy.random.Generator` with seed 0."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def logical_cpus():
    """The names of two logical CPUs, for `tf.distribute.MirroredStrategy`."""
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(devices) < 2:
        pytest.fail("Expected two logical CPUs. Received: one; a test module used TensorFlow while it was imported.")
    return devices[:2]


def pytest_collection_finish(session):
    """Divides the CPU before TensorFlow starts, if any of the collected tests asks for `logical_cpus`."""
    if not any("logical_cpus" in getattr(item, "fixturenames", ()) for item in session.items):
        return
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    with contextlib.suppress(RuntimeError):  # already started: the fixture says so
        if tf.config.get_logical_device_configuration(cpu) is None:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
