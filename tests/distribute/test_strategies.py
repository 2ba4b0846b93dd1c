"""Strategies by name: what the machine has is given, what it lacks is an error at once."""

import contextlib
import json
import socket
import time

import numpy as np
import pytest

from keras_hparam import distribute, errors
from keras_hparam.distribute import strategies


@contextlib.contextmanager
def deaf_port():
    """A local port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port():
    with deaf_port() as port:
        return port


def test_default_is_the_strategy_in_force():
    import tensorflow as tf

    assert distribute.strategy() is distribute.strategy("default") is tf.distribute.get_strategy()
    assert distribute.strategy().num_replicas_in_sync == 1


@pytest.mark.parametrize("name", ["mirror", "", None, "TPU"])
def test_an_unknown_name_is_an_error(name):
    with pytest.raises(errors.InvalidArgumentError, match=f"'mirrored'.*Received: {name!r}"):
        distribute.strategy(name)


def test_mirrored_runs_on_every_cpu(logical_cpus):
    import tensorflow as tf

    strategy = distribute.strategy("mirrored")
    assert strategy.num_replicas_in_sync == len(logical_cpus) == 2
    with strategy.scope():
        total = tf.Variable(1.0, aggregation=tf.VariableAggregation.SUM)

    @tf.function
    def step():
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "float32")
        total.assign_add(10.0 * (replica + 1.0))

    strategy.run(step)
    copies = [float(copy) for copy in strategy.experimental_local_results(total)]
    np.testing.assert_allclose(copies, [31.0, 31.0])


def test_strategies_of_one_process_reduce_tensors_of_any_shapes(logical_cpus):
    import tensorflow as tf

    for size in (2, 3):
        strategy = distribute.strategy("mirrored")

        @tf.function
        def step(size=size):
            return tf.distribute.get_replica_context().all_reduce("SUM", tf.ones(size))

        for total in strategy.experimental_local_results(strategy.run(step)):
            np.testing.assert_allclose(np.asarray(total), np.full(size, 2.0))


def test_mirrored_on_one_device_is_an_error(monkeypatch):
    import tensorflow as tf

    one = {"CPU": tf.config.list_logical_devices("CPU")[:1], "GPU": []}
    monkeypatch.setattr(tf.config, "list_logical_devices", one.get)
    with pytest.raises(errors.UnavailableError, match="at least 2 devices.*Received: .*CPU:0"):
        distribute.strategy("mirrored")


@pytest.mark.parametrize("value", [None, ""])
def test_multi_worker_without_a_cluster_is_an_error(monkeypatch, value):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(errors.UnavailableError, match="TF_CONFIG.*Received: none"):
        distribute.strategy("multi_worker")


@pytest.fixture
def no_tpu(monkeypatch):
    """No TPU in the environment; connecting a cluster, which would wait for ever, is a failure."""
    import tensorflow as tf

    def connect(resolver):
        assert not resolver.cluster_spec().as_dict(), "Expected no connection to a worker that does not answer."

    for name in ("TPU_NAME", "TPU_CONFIG", "KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(tf.config, "experimental_connect_to_cluster", connect)


@pytest.mark.parametrize("address", ["", "local", "grpc://127.0.0.1:{port}", "127.0.0.1", "grpc://127.0.0.1:no_port"])
def test_no_tpu_is_an_error(no_tpu, monkeypatch, address):
    monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{closed_port()}")
    address = address.format(port=closed_port())
    with pytest.raises(errors.UnavailableError, match=f"Expected a TPU at '{address}' .*Received: "):
        distribute.strategy("tpu", address)


def test_a_metadata_server_that_does_not_answer_is_not_waited_for(no_tpu, monkeypatch):
    monkeypatch.setattr(strategies, "TPU_TIMEOUT_S", 0.2)
    before, began = socket.getdefaulttimeout(), time.monotonic()
    with deaf_port() as port, pytest.raises(errors.UnavailableError, match="'my-tpu'.*timed out"):
        monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{port}")
        distribute.strategy("tpu", "my-tpu")
    assert time.monotonic() - began < 30 and socket.getdefaulttimeout() == before


@pytest.mark.parametrize(
    "config",
    ["nonsense", "[]", '{"cluster": {}}', '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}'],
)
def test_a_cluster_without_its_task_is_an_error(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(errors.InvalidArgumentError, match="Expected TF_CONFIG such as"):
        distribute.strategy("multi_worker")


def test_multi_worker_after_the_first_operation_is_an_error(monkeypatch):
    import tensorflow as tf

    tf.constant(1.0)
    cluster = {"cluster": {"worker": [f"127.0.0.1:{closed_port()}"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(errors.UnavailableError, match="before TensorFlow's first operation"):
        distribute.strategy("multi_worker")


def test_the_chief_is_the_only_process_unless_there_are_several(logical_cpus):
    assert distribute.is_chief(distribute.strategy()) and distribute.is_chief(distribute.strategy("mirrored"))
