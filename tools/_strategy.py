"""Flags of the devices that a program trains on, and the strategy that they mean."""

from absl import flags

from keras_hparam import distribute, errors

FLAGS = flags.FLAGS

flags.DEFINE_enum("strategy", "default", distribute.NAMES, "tf.distribute strategy.")
flags.DEFINE_string("tpu", "", "With --strategy=tpu: name of a Cloud TPU, local, or grpc://host:port.")
flags.DEFINE_integer("logical_cpus", 0, "Split the CPU into this many logical devices (to try mirrored without GPUs).")
flags.register_multi_flags_validator(
    ["logical_cpus", "strategy"], lambda given: given["logical_cpus"] <= 1 or given["strategy"] == "mirrored",
    "--logical_cpus needs --strategy=mirrored",
)  # fmt: skip


def make_strategy():
    """The strategy of the flags, made before TensorFlow computes anything; None for one device."""
    if FLAGS.strategy == "default":
        return None
    import keras

    if keras.config.backend() != "tensorflow":
        raise errors.InvalidArgumentError(
            f"Expected `strategy` to be 'default' under KERAS_BACKEND {keras.config.backend()!r}. "
            f"Received: {FLAGS.strategy!r}."
        )
    if FLAGS.logical_cpus > 1:
        import tensorflow as tf

        devices = [tf.config.LogicalDeviceConfiguration()] * FLAGS.logical_cpus
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    return distribute.strategy(FLAGS.strategy, FLAGS.tpu)


def meet(strategy):
    """Waits for all workers: one that leaves early is taken for a crash by those that still write."""
    if FLAGS.strategy != "multi_worker":
        return
    import tensorflow as tf

    def add():
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.constant(1.0))

    strategy.run(tf.function(add, autograph=False))
