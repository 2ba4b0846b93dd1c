"""Searches architecture and hyperparameters of a network together, trains what it found, and leaves both.

    python tools/search_autohas.py --flagfile=configs/autohas/digits.flags --workdir=W

Killed and started again with the same flags, it continues. On several machines, start it on each with
--strategy=multi_worker, the machine's TF_CONFIG and a --workdir that all of them see; the first one writes.
"""

import os
import sys

import _course
import _strategy
from absl import app, flags

from keras_hparam import errors

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(_strategy)  # so that --help shows them
DATA = ("digits", "fashion_mnist", "uci_concrete", "uci_energy", "uci_power_plant", "uci_wine_quality_red", "uci_yacht")
SETTINGS = (
    "method", "horizon", "rounds", "samples", "controller", "sampling_rate", "iterations", "warm_up", "relaxation",
    "temperature", "final_temperature", "entropy", "final_entropy", "encoding_learning_rate", "second_order",
    "enumerate_all", "reward", "min_change", "min_gradient", "seed",
)  # fmt: skip

flags.DEFINE_string("workdir", None, "Directory of checkpoints, logs, pictures and the model.", required=True)
flags.DEFINE_integer("seed", 0, "Of the split, the weights, the minibatches and the samples.", lower_bound=0)
flags.DEFINE_bool("resume", True, "Continue what --workdir holds; otherwise begin again.")

flags.DEFINE_enum("data", "digits", DATA, "Data set.")
flags.DEFINE_string("data_dir", "", "Folder with fashion_mnist.npz (else keras.datasets), uci_regression.npz.")
flags.DEFINE_integer("train_size", 0, "Training examples; 0: the data set's default.", lower_bound=0)
flags.DEFINE_integer("validation_size", 0, "Held-out examples, which judge; 0: as above.", lower_bound=0)
flags.DEFINE_integer("epochs", 20, "Epochs of a training.", lower_bound=1)
flags.DEFINE_integer("batch_size", 64, "Examples of a step.", lower_bound=1)

flags.DEFINE_enum("method", "reinforce", ("reinforce", "differentiable"), "How the architecture is searched.")
flags.DEFINE_float("horizon", 1 / 12, "How long samples train: a share of a training, or 1 for one step.")
flags.DEFINE_integer("rounds", 4, "Rounds of samples.", lower_bound=1)
flags.DEFINE_integer("samples", 8, "Samples of a round, or of an iteration one step ahead.", lower_bound=1)
flags.DEFINE_enum("controller", "thompson", ("thompson", "policy_gradient"), "What learns from the samples.")
flags.DEFINE_float("sampling_rate", 15.0, "By which logits move with the policy gradient.", lower_bound=0)
flags.DEFINE_float("iterations", 1.0, "On shared weights: a share of a training, or a number above 1.", lower_bound=0)
flags.DEFINE_float("warm_up", 0.25, "Share of them before the encodings move.")
flags.DEFINE_enum("relaxation", "softmax", ("softmax", "gumbel", "straight_through"), "Of encodings with gradients.")
flags.DEFINE_float("temperature", 1.0, "Of the relaxation.", lower_bound=0)
flags.DEFINE_float("final_temperature", 1.0, "At the end; it falls geometrically.", lower_bound=0)
flags.DEFINE_float("entropy", 0.0, "Weight of the encodings' entropy, one step ahead.")
flags.DEFINE_float("final_entropy", 0.0, "At the end; it changes linearly.")
flags.DEFINE_float("encoding_learning_rate", 0.03, "Of Adam on the encodings, one step ahead.", lower_bound=0)
flags.DEFINE_bool("second_order", True, "Whether gradients count how the architecture changes the step.")
flags.DEFINE_bool("enumerate_all", False, "A gradient for each candidate of dropout, smoothing and mixup, too.")
flags.DEFINE_enum("reward", "loss", ("loss", "accuracy"), "Of samples, on validation data.")
flags.DEFINE_float("min_change", 0.0, "End when no probability moved more; 0: never.", lower_bound=0)
flags.DEFINE_float("min_gradient", 0.0, "End when the encodings' gradient is smaller; 0: never.", lower_bound=0)

flags.DEFINE_enum("continuous", "most_probable", ("most_probable", "weighted_sum"), "How numbers are derived.")
flags.DEFINE_bool("inherit_weights", False, "Begin the last training with the shared weights.")
flags.register_multi_flags_validator(
    ["data", "data_dir"], lambda given: given["data_dir"] or not given["data"].startswith("uci_"),
    "a UCI set needs --data_dir",
)  # fmt: skip


def make_settings():
    """The settings of `AutoHAS` that the flags give; whole numbers of horizon and iterations are ints."""
    found = {name: FLAGS[name].value for name in SETTINGS}
    if found["horizon"] == 1:
        found["horizon"] = 1
    if found["iterations"] > 1 and found["iterations"].is_integer():
        found["iterations"] = int(found["iterations"])
    return found


def main(argv):
    """Searches, trains, saves."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _course.check_free(FLAGS.workdir)
    strategy = _strategy.make_strategy()
    import autohas_search  # slow to load: the flags are right by now

    autohas_search.run(FLAGS, make_settings(), strategy)


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
