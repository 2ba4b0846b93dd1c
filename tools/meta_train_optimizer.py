"""Meta-trains an optimizer for networks and writes its weights, with the curve of its training.

    python tools/meta_train_optimizer.py --workdir=W --tasks=quadratics,dense_classes --meta_steps=2000

Killed and started again with the same flags, it continues from its last checkpoint. On several machines, start it on
each with --strategy=multi_worker, the machine's TF_CONFIG and a --workdir that all of them see; each tries its own part
of the candidates, the first one writes. With KERAS_BACKEND=jax it trains on one device, without TensorFlow.
"""

import json
import pathlib
import re
import sys

import _course
import _strategy
from absl import app, flags

from keras_hparam import errors

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(_strategy)  # so that --help shows them
TASKS = [
    "quadratics", "rastrigin", "ackley", "dense_classes", "dense_deep", "dense_wide", "dense_inputs",
    "dense_normalized", "dense_regression", "convolutional",
]  # fmt: skip

flags.DEFINE_string("workdir", None, "Directory of checkpoints, logs and, in weights/, the result.", required=True)
flags.DEFINE_integer("seed", 0, "Seed of the first weights, the tasks and the candidates.", lower_bound=0)
flags.DEFINE_bool("resume", True, "Continue from the newest checkpoint in --workdir.")
flags.DEFINE_string("name", "learned-nn", "Name that the manifest gives the weights.")

flags.DEFINE_enum("rule", "elementwise", ["elementwise", "particles"], "For networks, or for clusters of particles.")
flags.DEFINE_string("optimizer_config", "{}", "Fields of the rule's configuration that differ from the default, JSON.")
flags.DEFINE_string("init_weights", None, "Shipped name or directory of weights to start from.")
flags.DEFINE_list("steps_by_size", [], "N:STEPS for particles, instead of the steps of --init_weights.")
flags.DEFINE_list("tasks", TASKS, "Families to train on, each NAME or NAME:WEIGHT; also lennard_jones_N.")
flags.DEFINE_list("validation_tasks", [], "Families to choose the best weights by; none: those of --tasks.")
flags.DEFINE_enum("judged_by", "both", ("training", "validation", "both"), "Which loss of networks counts at the end.")
flags.DEFINE_list("data", [], "Files .npz with x and y, which networks learn from as well.")

flags.DEFINE_enum("method", "evolution_strategies", ("evolution_strategies", "genetic_algorithm"), "How to train.")
flags.DEFINE_float("sigma", 0.05, "Standard deviation of the candidates, in (0, 1).")
flags.DEFINE_integer("pairs", 8, "Pairs (evolution strategies) or candidates (genetic algorithm).", lower_bound=1)
flags.DEFINE_bool("clip", True, "Clip meta-losses by the loss of the current weights.")
flags.DEFINE_bool("per_task", True, "Clip each task's loss by itself, instead of their mean.")
flags.DEFINE_bool("persistent", False, "Persistent evolution strategies.")
flags.DEFINE_integer("truncation", 50, "Inner steps of a meta-step, if persistent.", lower_bound=1)
flags.DEFINE_float("learning_rate", 0.01, "Rate of Adam, which applies the estimates.", lower_bound=0)
flags.DEFINE_float("final_learning_rate", 0.001, "Rate at the end; it falls along a cosine.", lower_bound=0)
flags.DEFINE_float("clipnorm", 1.0, "Bound on the norm of an estimate.", lower_bound=0)

flags.DEFINE_integer("meta_steps", 1000, "Updates of the weights.", lower_bound=1)
flags.DEFINE_integer("stop_after", None, "Meta-step after which this run ends; another may go on.", lower_bound=1)
flags.DEFINE_enum("keep", "best", ("best", "last"), "Weights to write: of the best validation, or the last ones.")
flags.DEFINE_list("lengths", ["20", "200"], "Shortest and longest trajectory, in inner steps.")
flags.DEFINE_integer("batch_size", 8, "Tasks of a meta-step.", lower_bound=1)
flags.DEFINE_enum("trajectory", "mean", ("mean", "last"), "What of a trajectory counts.")
flags.DEFINE_float("total_steps_known", 0.5, "Share of the trajectories whose length the optimizer is told.")
flags.DEFINE_integer("validate_every", 50, "Meta-steps between validations.", lower_bound=1)
flags.DEFINE_integer("validation_batch_size", 16, "Held-out tasks of each family.", lower_bound=1)
flags.DEFINE_list("validation_lengths", [], "Inner steps of the validations; none: middle and end of --lengths.")
flags.DEFINE_integer("checkpoint_every", 50, "Meta-steps between checkpoints.", lower_bound=1)


def _are_lengths(texts):
    return all(text.isdecimal() and int(text) > 0 for text in texts)


flags.register_validator("lengths", lambda t: len(t) == 2 and _are_lengths(t), "Expected --lengths=LOW,HIGH.")
flags.register_validator("validation_lengths", _are_lengths, "Expected --validation_lengths=STEPS,….")
flags.register_validator(
    "steps_by_size", lambda texts: all(re.fullmatch(r"\d+:\d+", text) for text in texts), "Expected N:STEPS,…."
)
flags.register_multi_flags_validator(
    ["steps_by_size", "init_weights", "rule"],
    lambda given: not given["steps_by_size"] or (given["init_weights"] and given["rule"] == "particles"),
    "--steps_by_size needs --init_weights and --rule=particles",
)


def make_mixture(texts, rule):
    """The `Mixture` of names and weights, to train a rule."""
    from keras_hparam.learned_optimizers.meta import catalogue
    from keras_hparam.tasks import data

    particles = rule.config if FLAGS.rule == "particles" else None
    return catalogue.mixture(texts, [data.load(path) for path in FLAGS.data], FLAGS.judged_by, particles)


def make_rule():
    """(rule, its first weights or None) of the flags."""
    from keras_hparam.learned_optimizers import ElementwiseRule, OptimizerConfig, particles, weights

    rule_class, config_class = ElementwiseRule, OptimizerConfig
    if FLAGS.rule == "particles":
        rule_class, config_class = particles.ParticleRule, particles.ParticleConfig
    if FLAGS.init_weights:
        rule, theta = weights.load(FLAGS.init_weights, rule_class)
        steps = {int(size): float(steps) for size, steps in (text.split(":") for text in FLAGS.steps_by_size)}
        return rule.refined(theta, steps) if steps else (rule, theta)
    try:
        fields = json.loads(FLAGS.optimizer_config)
    except ValueError as error:
        raise errors.InvalidArgumentError(
            f"Expected --optimizer_config to be JSON. Received: {FLAGS.optimizer_config!r} ({error})."
        ) from error
    return rule_class(config_class.from_dict(fields)), None


def make_estimator():
    """The `Estimator` of the flags."""
    import keras

    from keras_hparam.learned_optimizers.meta import EvolutionStrategies, GeneticAlgorithm

    if FLAGS.method == "genetic_algorithm":
        return GeneticAlgorithm(FLAGS.sigma, FLAGS.pairs)
    share = FLAGS.final_learning_rate / FLAGS.learning_rate if FLAGS.learning_rate else 0.0
    schedule = keras.optimizers.schedules.CosineDecay(FLAGS.learning_rate, FLAGS.meta_steps, alpha=share)
    return EvolutionStrategies(
        FLAGS.sigma, FLAGS.pairs, FLAGS.clip, FLAGS.per_task, FLAGS.persistent, FLAGS.truncation,
        keras.optimizers.Adam(schedule, clipnorm=FLAGS.clipnorm or None),
    )  # fmt: skip


def make_settings():
    """The `MetaTrainingSettings` of the flags."""
    from keras_hparam.learned_optimizers.meta import MetaTrainingSettings

    return MetaTrainingSettings(
        meta_steps=FLAGS.meta_steps, lengths=tuple(map(int, FLAGS.lengths)), batch_size=FLAGS.batch_size,
        trajectory=FLAGS.trajectory, total_steps_known=FLAGS.total_steps_known, seed=FLAGS.seed,
        validate_every=FLAGS.validate_every, validation_batch_size=FLAGS.validation_batch_size,
        validation_lengths=tuple(map(int, FLAGS.validation_lengths)), checkpoint_every=FLAGS.checkpoint_every,
    )  # fmt: skip


def save(trained, rule, mixture):
    """Writes the weights and the curve."""
    from keras_hparam.learned_optimizers import weights

    _course.write_curve(FLAGS.workdir, trained.history, "meta_step")
    theta = trained.theta if FLAGS.keep == "best" else trained.last_theta
    done = min(FLAGS.stop_after or FLAGS.meta_steps, FLAGS.meta_steps)
    figures = {"score": trained.score, "first_score": trained.history[0]["score"], "meta_steps": done}
    directory = pathlib.Path(FLAGS.workdir) / "weights"
    weights.save(
        directory, rule, theta, name=FLAGS.name, flag_file=_course.flag_file(), seed=FLAGS.seed,
        tasks=[family.name for family in mixture.families], figures=figures,
    )  # fmt: skip
    print(json.dumps({"weights": str(directory), "parameters": rule.num_parameters, "score": trained.score}))


def main(argv):
    """Trains, resumes, writes the weights and the curve."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    _course.check_free(FLAGS.workdir)
    strategy = _strategy.make_strategy()
    from keras_hparam.learned_optimizers.meta import meta_train

    (rule, theta), settings = make_rule(), make_settings()
    mixture = make_mixture(FLAGS.tasks, rule)
    validation = make_mixture(FLAGS.validation_tasks, rule) if FLAGS.validation_tasks else None
    estimator = make_estimator()
    with _course.held(FLAGS.workdir, strategy):
        with _course.progress(FLAGS.workdir, strategy, FLAGS.meta_steps) as progress:
            trained = meta_train(
                rule, mixture, estimator, settings, theta=theta, workdir=FLAGS.workdir, resume=FLAGS.resume,
                strategy=strategy, validation_tasks=validation, progress=progress, stop_after=FLAGS.stop_after,
            )  # fmt: skip
        if _course.is_chief(strategy):
            save(trained, rule, mixture)
    _strategy.meet(strategy)


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
