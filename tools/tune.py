"""Tunes a convolutional network on scikit-learn's digits and leaves the trials, the pictures and the models behind.

    python tools/tune.py --flagfile=configs/optformer/digits.flags

A search that was interrupted continues with --resume. With --workers=4, four processes of this machine run the trials;
on several machines, one runs --role=chief --address=host:port, the others --role=worker with the same flags and a
--workdir that all see.
"""

import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile

import parallel_search
from absl import app, flags

FLAGS = flags.FLAGS
PRIORS = ("model", "random", "local", "border", "gaussian_process", "bayesian")
flags.DEFINE_string("workdir", "tune_results", "folder for everything that the search writes")
flags.DEFINE_bool("resume", False, "continue the search in --workdir, or begin it there; stronger than --overwrite")
flags.DEFINE_bool("overwrite", False, "replace the search in --workdir")
flags.DEFINE_integer("max_trials", 20, "trials of the whole search", lower_bound=1)
flags.DEFINE_integer("epochs", 20, "epochs of a trial at most; it ends early when it no longer improves", lower_bound=1)
flags.DEFINE_integer("seed", 0, "of the data split, the proposals and the training", lower_bound=0)
flags.DEFINE_enum(
    "tuner", "optformer", ["optformer", "planning", "random", "bayesian"], "who proposes; the last two to compare with"
)
flags.DEFINE_string("weights", "optformer-small", "shipped name or path of the OptFormer's weights")
flags.DEFINE_enum(
    "decoding", "sample_and_rank", ["sample_and_rank", "beam", "sample", "nucleus", "greedy"],
    "how --tuner=optformer proposes",
)  # fmt: skip
flags.DEFINE_enum("acquisition", "ei", ["ei", "pi", "ucb", "thompson"], "how --tuner=planning ranks candidates")
flags.DEFINE_string(
    "prior", "mixture",
    f"where candidates of --tuner=planning come from: some of {', '.join(PRIORS)}, with commas between; bayesian is "
    "KerasTuner's Oracle; mixture is the package's default",
)  # fmt: skip
flags.DEFINE_enum(
    "pending", "predict", ["predict", "placeholder"], "how trials that run are shown to the OptFormer: predicted or not"
)
flags.DEFINE_enum("strategy", "default", ["default", "mirrored"], "how a trial is spread over the machine's devices")
flags.DEFINE_integer("logical_cpus", 0, "split the CPU into so many devices, for --strategy=mirrored", lower_bound=0)
flags.DEFINE_integer("train_size", 800, "training images (at least one batch of the largest size)", lower_bound=128)
flags.DEFINE_integer("validation_size", 400, "validation images; what is left of 1797 is the test", lower_bound=50)

SETTINGS_FILE = "tune.json"
SETTINGS = (
    "tuner", "seed", "epochs", "weights", "decoding", "acquisition", "prior", "pending", "train_size", "validation_size"
)  # fmt: skip
IMAGES, MIN_TEST_IMAGES = 1797, 50
STATE_FOLDER = "search"
OUTPUTS = {
    "trials.csv": "all trials, one row each",
    "trials.json": "the same for programs",
    "convergence.png": "the objective from trial to trial",
    "parameters.png": "each parameter against the objective",
    "tensorboard": "logs for TensorBoard's HParams tab",
    "best_model.keras": "the best trial's model, at its best epoch",
    "retrained_model.keras": "its configuration trained on training plus validation data",
}


@flags.multi_flags_validator(
    ["train_size", "validation_size"],
    f"Expected --train_size and --validation_size to leave at least {MIN_TEST_IMAGES} of {IMAGES} images for the test.",
)
def _leaves_test_images(values):
    return values["train_size"] + values["validation_size"] <= IMAGES - MIN_TEST_IMAGES


@flags.validator("prior", f"Expected --prior to be mixture, or names out of {', '.join(PRIORS)} with commas between.")
def _names_priors(value):
    return value == "mixture" or set(value.split(",")) <= set(PRIORS)


@flags.validator("workdir", "Expected --workdir to name a folder. Received: an empty text.")
def _names_a_folder(value):
    return bool(value)


def check_workdir(workdir, settings):
    """Exits with a message unless the flags say clearly what becomes of what `workdir` holds.

    Args:
        workdir: `pathlib.Path`.
        settings: dict of the flags that make a search the same search.
    """
    if not workdir.exists() or (workdir.is_dir() and {path.name for path in workdir.iterdir()} <= {".in_use"}):
        return
    if not (workdir / SETTINGS_FILE).is_file() and not (workdir / STATE_FOLDER).is_dir():
        sys.exit(f"tune: Expected --workdir to be absent, empty or of an earlier search. Received: {workdir}")
    if not FLAGS.resume:
        if not FLAGS.overwrite:
            sys.exit(
                f"tune: {workdir} holds a search already. "
                "Expected --resume to continue it, --overwrite to replace it, or another --workdir."
            )
        return
    try:
        before = json.loads((workdir / SETTINGS_FILE).read_text(encoding="utf-8"))
        before = {name: before.get(name, FLAGS[name].default) for name in SETTINGS}  # an older one lacks newer flags
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        sys.exit(f"tune: Expected {workdir / SETTINGS_FILE} of an earlier search. Received: {error}. Use --overwrite.")
    changed = [name for name in SETTINGS if before[name] != settings[name]]
    if changed:
        expected = " ".join(f"--{name}={before[name]}" for name in changed)
        received = " ".join(f"--{name}={settings[name]}" for name in changed)
        sys.exit(f"tune: Expected --resume with the flags of the search in {workdir}: {expected}. Received: {received}")


def prepare_workdir(workdir, settings):
    """Removes what an earlier search left, unless it is continued, and notes the settings of this one."""
    from keras_hparam import atomic

    workdir.mkdir(parents=True, exist_ok=True)
    for name in [] if FLAGS.resume else OUTPUTS:
        if (workdir / name).is_dir():
            shutil.rmtree(workdir / name)
        (workdir / name).unlink(missing_ok=True)
    atomic.write_bytes(workdir / SETTINGS_FILE, (json.dumps(settings, indent=1) + "\n").encode())


@contextlib.contextmanager
def quiet_loading():
    """Keeps back what TensorFlow's libraries write to stderr while they load, and shows it if that fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def main(argv):
    """Checks the flags and the workdir, searches, and says what lies where."""
    if len(argv) > 1:
        sys.exit(f"tune: Expected flags only. Received: {' '.join(argv[1:])}")
    workdir = pathlib.Path(FLAGS.workdir)
    settings = {name: FLAGS[name].value for name in SETTINGS}
    if parallel_search.is_worker():
        FLAGS.resume = True
        parallel_search.wait_for_chief(workdir / SETTINGS_FILE)
    check_workdir(workdir, settings)
    parallel_search.set_environment()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print("loading TensorFlow ...", flush=True)
    with quiet_loading():
        import search  # slow to load: the flags are right by now
        import tensorflow as tf

        from keras_hparam import checkpoints, errors

        tf.config.list_physical_devices()
        tf.get_logger().setLevel("WARNING")

    try:
        with contextlib.nullcontext() if parallel_search.is_worker() else checkpoints.Exclusive(workdir, "--workdir"):
            tuner = search.make_tuner(FLAGS)
            if parallel_search.is_worker():
                search.work(FLAGS, tuner)
                return
            prepare_workdir(workdir, settings)
            search.run(FLAGS, tuner)
    except errors.KerasHparamError as error:
        sys.exit(f"tune: {error}")
    except KeyboardInterrupt:
        sys.exit("tune: interrupted. The same command with --resume continues the search.")
    print(f"\neverything lies in {workdir.resolve()}:")
    for name, what in OUTPUTS.items():
        print(f"  {name:<24}{what}")


if __name__ == "__main__":
    app.run(main)
