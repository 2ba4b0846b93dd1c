"""Trains an ensemble on digits, Fashion-MNIST or a UCI regression, and leaves the model and its members.

    python tools/train_ensemble.py --flagfile=configs/ensembles/digits_mlp.flags --workdir=W

Killed and started again with the same flags, it continues: from the last epoch of the network that was in training,
with every finished network kept. On several machines, start it on each with --strategy=multi_worker, the machine's
TF_CONFIG and a --workdir that all of them see; the first one writes.
"""

import os
import sys

import _course
import _strategy
from absl import app, flags

from keras_hparam import distribute, errors

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(_strategy)  # so that --help shows them
DATA = ("digits", "fashion_mnist", "uci_concrete", "uci_energy", "uci_power_plant", "uci_wine_quality_red", "uci_yacht")
METHODS = ("hyper_batch", "batch", "hyper_deep", "deep")

flags.DEFINE_string("workdir", None, "Directory of the model, its members and its logs.", required=True)
flags.DEFINE_integer("seed", 0, "Seed of the split, the weights and the order of the examples.", lower_bound=0)
flags.DEFINE_bool("resume", True, "Continue what --workdir holds; otherwise it has to be empty.")

flags.DEFINE_enum("data", "digits", DATA, "Data set.")
flags.DEFINE_string("data_dir", "", "Folder with fashion_mnist.npz (else keras.datasets), uci_regression.npz.")
flags.DEFINE_integer("train_size", 0, "Training examples; 0: the data set's default.", lower_bound=0)
flags.DEFINE_integer("validation_size", 0, "Held-out examples, which tune and choose; 0: as above.", lower_bound=0)
flags.DEFINE_enum("network", "mlp", ("mlp", "lenet"), "Network; an mlp for a UCI set has one hidden layer of 50.")

flags.DEFINE_enum("method", "hyper_batch", METHODS, "Kind of ensemble.")
flags.DEFINE_integer("ensemble_size", 4, "Members.", lower_bound=1)
flags.DEFINE_integer("epochs", 30, "Epochs of each training.", lower_bound=1)
flags.DEFINE_integer("batch_size", 128, "Examples of a step, over all replicas.", lower_bound=1)
flags.DEFINE_float("learning_rate", 1e-3, "Learning rate of Adam; hyper_deep searches around it.", lower_bound=0)

flags.DEFINE_list("l2_range", ["1e-7", "1e-3"], "Limits of each layer's L2 (hyper_batch, hyper_deep).")
flags.DEFINE_list("dropout_range", ["0.01", "0.5"], "Limits of the dropout rate (hyper_batch, hyper_deep).")
flags.DEFINE_list("label_smoothing_range", ["0.001", "0.2"], "Limits of label smoothing (hyper_batch, hyper_deep).")
flags.DEFINE_float("l2", 1e-5, "L2 of every layer (batch, deep).", lower_bound=0)
flags.DEFINE_float("dropout", 0.1, "Dropout rate (batch, deep).", lower_bound=0, upper_bound=0.99)
flags.DEFINE_float("label_smoothing", 0.01, "Label smoothing (batch, deep).", lower_bound=0, upper_bound=0.99)

flags.DEFINE_integer("tuning_every", 3, "Training steps per tuning step (hyper_batch).", lower_bound=1)
flags.DEFINE_float("tuning_learning_rate", 1e-3, "Learning rate of the bounds (hyper_batch).", lower_bound=0)
flags.DEFINE_float("entropy_weight", 1e-3, "Weight of the bounds' entropy (hyper_batch).", lower_bound=0)
flags.DEFINE_integer("trials", 20, "Trials of the random search (hyper_deep).", lower_bound=1)
flags.DEFINE_integer("initializations", 3, "Initialisations of each chosen setting (hyper_deep).", lower_bound=1)


def _is_range(text):
    try:
        low, high = map(float, text)
    except ValueError:
        return False
    return 0 < low < high


for _name in ("l2_range", "dropout_range", "label_smoothing_range"):
    flags.register_validator(_name, _is_range, f"Expected --{_name}=LOW,HIGH with 0 < LOW < HIGH.")
flags.register_multi_flags_validator(
    ["method", "strategy"],
    lambda given: given["strategy"] != "multi_worker" or given["method"] in ("hyper_batch", "batch"),
    "--strategy=multi_worker needs --method=hyper_batch or --method=batch",
)
flags.register_multi_flags_validator(
    ["data", "data_dir"], lambda given: given["data_dir"] or not given["data"].startswith("uci_"),
    "a UCI set needs --data_dir",
)  # fmt: skip
flags.register_multi_flags_validator(
    ["data", "network"], lambda given: given["network"] == "mlp" or not given["data"].startswith("uci_"),
    "--network=lenet needs images",
)  # fmt: skip


def main(argv):
    """Trains the ensemble of the flags."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _course.check_free(FLAGS.workdir)
    strategy = _strategy.make_strategy() or distribute.strategy("default")
    import ensemble_training  # slow to load: the flags are right by now

    ensemble_training.run(FLAGS, strategy)


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
