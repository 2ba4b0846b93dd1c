"""Trains a controller of learning rates and writes its weights, with the curve of its training.

    python tools/train_schedule_controller.py --flagfile=configs/learned_schedules/controller.flags --workdir=W

Killed and started again with the same flags, it continues from its last checkpoint. On several machines, start it on
each with --strategy=multi_worker, the machine's TF_CONFIG and a --workdir that all of them see; each has its own copies
of the trainees, the first one writes. With KERAS_BACKEND=jax it trains on one device, without TensorFlow.
"""

import json
import pathlib
import sys

import _course
import _strategy
from absl import app, flags

from keras_hparam import errors

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(_strategy)  # so that --help shows them
TASKS = [
    "dense", "dense_deep", "dense_wide", "dense_noisy", "normalized", "regression", "regression_noisy", "convolutional",
    "convolutional_noisy", "transformer", "dense_slow", "convolutional_slow", "dense_outliers",
]  # fmt: skip
SETTINGS = [  # flags that are fields of ControllerTrainingSettings
    "updates", "decisions", "copies", "trainees", "optimizers", "total_steps_known", "cap", "method", "reward",
    "discount", "trace", "clip", "entropy", "epochs", "minibatches", "deviation", "learning_rate",
    "final_learning_rate", "seed", "validate_every", "validation_trainees", "checkpoint_every",
]  # fmt: skip

flags.DEFINE_string("workdir", None, "Directory of checkpoints, logs and, in weights/, the result.", required=True)
flags.DEFINE_bool("resume", True, "Continue from the newest checkpoint in --workdir.")
flags.DEFINE_string("name", "schedule-controller", "Name that the manifest gives the weights.")
flags.DEFINE_string("controller_config", "{}", "Fields of ControllerConfig that differ from the default, JSON.")
flags.DEFINE_string("init_weights", None, "Shipped name or directory of weights to start from.")
flags.DEFINE_list("tasks", TASKS, "Families of trainees, each NAME or NAME:WEIGHT.")
flags.DEFINE_list("sources", [], "Also fashion_mnist, omniglot, uci_NAME of --data_dir, or files .npz with x and y.")
flags.DEFINE_string("data_dir", None, "Directory of these data sets.")

flags.DEFINE_integer("updates", 500, "Rollouts with an update each.", lower_bound=1)
flags.DEFINE_integer("stop_after", None, "Update after which this run ends; another may go on.", lower_bound=1)
flags.DEFINE_integer("decisions", 40, "Of a rollout.", lower_bound=1)
flags.DEFINE_integer("copies", 4, "Of each trainee.", lower_bound=2)
flags.DEFINE_integer("trainees", 32, "Of a rollout.", lower_bound=1)
flags.DEFINE_list("steps", ["5", "40"], "Fewest and most steps between decisions.")
flags.DEFINE_list("optimizers", ["sgd", "momentum", "rmsprop", "adam"], "Of the trainees.")
flags.DEFINE_list("rates", ["0.01", "30"], "Lowest and highest initial rates relative to the usual one.")
flags.DEFINE_float("total_steps_known", 0.8, "Share of the trainees whose number of steps the controller is told.")
flags.DEFINE_float("cap", 0.03, "On the length of a step relative to the parameters; 0: none.", lower_bound=0)
flags.DEFINE_enum("method", "ppo", ("ppo", "reinforce"), "How to train.")
flags.DEFINE_enum("reward", "improvement", ("improvement", "negative"), "What a validation loss is worth.")
flags.DEFINE_float("discount", 1.0, "Of rewards.")
flags.DEFINE_float("trace", 0.95, "λ of generalised advantage estimation.")
flags.DEFINE_float("clip", 0.2, "Of PPO's ratios.")
flags.DEFINE_float("entropy", 0.0, "Weight of the entropy.")
flags.DEFINE_integer("epochs", 4, "Passes of PPO over a rollout.", lower_bound=1)
flags.DEFINE_integer("minibatches", 4, "Of a pass.", lower_bound=1)
flags.DEFINE_float("deviation", 0.5, "Of the actions at the beginning.")
flags.DEFINE_float("learning_rate", 1e-3, "Of Adam.")
flags.DEFINE_float("final_learning_rate", 1e-4, "At the end; it falls along a cosine.")
flags.DEFINE_integer("seed", 0, "Seed of the first weights, the trainees and the actions.", lower_bound=0)
flags.DEFINE_integer("validate_every", 50, "Updates between validations.", lower_bound=1)
flags.DEFINE_integer("validation_trainees", 32, "Held-out trainees of each family and initial rate.", lower_bound=1)
flags.DEFINE_list("validation_rates", ["0.03", "1", "10"], "Their initial rates relative to the usual one.")
flags.DEFINE_integer("checkpoint_every", 25, "Updates between checkpoints.", lower_bound=1)


def numbers(name, kind):
    """The numbers of a list flag."""
    try:
        return tuple(kind(text) for text in FLAGS[name].value)
    except ValueError as error:
        raise errors.InvalidArgumentError(
            f"Expected --{name} to be numbers with commas. Received: {FLAGS[name].value}."
        ) from error


def make_settings():
    """The `ControllerTrainingSettings` of the flags."""
    from keras_hparam.learned_schedules.training import ControllerTrainingSettings

    return ControllerTrainingSettings(
        **{name: FLAGS[name].value for name in SETTINGS}, steps=numbers("steps", int), rates=numbers("rates", float),
        validation_rates=numbers("validation_rates", float),
    )  # fmt: skip


def make_mixture():
    """The `Mixture` of the flags."""
    from keras_hparam.learned_schedules.training import catalogue
    from keras_hparam.tasks import data

    added = [
        data.load(name) if name.endswith(".npz") else data.from_directory(name, FLAGS.data_dir or ".")
        for name in FLAGS.sources
    ]
    return catalogue.mixture(FLAGS.tasks, added)


def make_controller():
    """The `Controller` of the flags, before its training."""
    import keras

    from keras_hparam.learned_schedules import Controller, ControllerConfig, weights

    if FLAGS.init_weights:
        return weights.load(FLAGS.init_weights)
    try:
        fields = json.loads(FLAGS.controller_config)
    except ValueError as error:
        raise errors.InvalidArgumentError(
            f"Expected --controller_config to be JSON. Received: {FLAGS.controller_config!r} ({error})."
        ) from error
    keras.utils.set_random_seed(FLAGS.seed)
    return Controller(ControllerConfig.from_dict(fields))


def save(trained, mixture):
    """Writes the weights and the curve."""
    from keras_hparam.learned_schedules import weights

    _course.write_curve(FLAGS.workdir, trained.history, "update")
    done = min(FLAGS.stop_after or FLAGS.updates, FLAGS.updates)
    figures = {"score": trained.score, "first_score": trained.history[0]["score"], "updates": done}
    directory = pathlib.Path(FLAGS.workdir) / "weights"
    weights.save(
        directory, trained.controller, name=FLAGS.name, flag_file=_course.flag_file(), seed=FLAGS.seed,
        tasks=[family.name for family in mixture.families], sources=FLAGS.sources, cap=FLAGS.cap, figures=figures,
    )  # fmt: skip
    print(json.dumps({"weights": str(directory), "score": trained.score}))


def main(argv):
    """Trains, resumes, writes the weights and the curve."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    _course.check_free(FLAGS.workdir)
    strategy = _strategy.make_strategy()
    from keras_hparam.learned_schedules.training import train

    settings, mixture, controller = make_settings(), make_mixture(), make_controller()
    with _course.held(FLAGS.workdir, strategy):
        with _course.progress(FLAGS.workdir, strategy, FLAGS.updates) as progress:
            trained = train(
                controller, mixture, settings, workdir=FLAGS.workdir, resume=FLAGS.resume, strategy=strategy,
                progress=progress, stop_after=FLAGS.stop_after,
            )  # fmt: skip
        if _course.is_chief(strategy):
            save(trained, mixture)
    _strategy.meet(strategy)


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
