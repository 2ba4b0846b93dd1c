"""Pre-trains an OptFormer on generated studies and writes the weights.

    python tools/pretrain_optformer.py --flagfile=configs/optformer/small.flags --workdir=/tmp/optformer

Killed and started again with the same flags, it continues from its last checkpoint. On several machines, start it on
each with --strategy=multi_worker, the machine's TF_CONFIG and a --workdir that all of them see; each makes its own part
of every batch, the first one writes. With KERAS_BACKEND=jax it trains on one device, without TensorFlow.
"""

import functools
import json
import pathlib
import sys

import _course
import _strategy
from absl import app, flags

from keras_hparam import atomic, errors

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(_strategy)  # so that --help shows them

flags.DEFINE_string("workdir", None, "Directory of checkpoints, logs and, in weights/, the result.", required=True)
flags.DEFINE_integer("seed", 0, "Seed of weights and studies.")
flags.DEFINE_bool("resume", True, "Continue from the newest checkpoint in --workdir.")
flags.DEFINE_string("name", "optformer-small", "Name that the manifest gives the weights.")
flags.DEFINE_integer("steps", 10000, "Training steps.", lower_bound=1)
flags.DEFINE_float("learning_rate", 1.5e-3, "Peak learning rate.")
flags.DEFINE_integer("warmup_steps", 200, "Steps of linear warm-up.", lower_bound=0)
flags.DEFINE_float("decay_share", 0.25, "Share of the steps in which the rate falls to 0.")
flags.DEFINE_float("value_weight", 0.25, "Weight of parameter-value tokens in the loss.")
flags.DEFINE_enum("precision", "float32", ("float32", "mixed_bfloat16"), "Arithmetic of the network.")
flags.DEFINE_integer("checkpoint_every", 500, "Steps between checkpoints.", lower_bound=1)
flags.DEFINE_integer("evaluate_every", 500, "Steps between evaluations on held-out studies; 0: none.", lower_bound=0)
flags.DEFINE_integer("trials_per_batch", 1024, "Studies times trials in a batch.", lower_bound=16)
flags.DEFINE_integer("max_parameters", 16, "Parameters at most in a generated study.", lower_bound=1)
flags.DEFINE_integer("width", 128, "Width of the Transformer.")
flags.DEFINE_integer("layers", 4, "Layers of the Transformer.")
flags.DEFINE_integer("heads", 4, "Attention heads.")
flags.DEFINE_integer("frequencies", 128, "Terms of the cosine series of a predicted distribution.")
flags.DEFINE_enum("metadata", "pooled", ("tokens", "pooled"), "See OptFormerConfig.")
flags.DEFINE_enum(
    "value_objective", "advantage_weighted", ("likelihood", "advantage_weighted"), "See optformer.batches."
)
flags.DEFINE_string("data_dir", None, "Folder with data of real trainings; without it, all studies are synthetic.")
flags.DEFINE_string("studies_dir", None, "Folder of stored studies (tools/generate_studies.py) to train on.")
flags.DEFINE_string("init_weights", None, "Name or directory of smaller or equal weights to start from.")
flags.DEFINE_enum("architecture", "decoder_only", ("decoder_only", "encoder_decoder"), "See OptFormerConfig.")
flags.DEFINE_integer("vocabulary_size", 1000, "Text pieces of the tokenizer.", lower_bound=300)
flags.DEFINE_integer("tokenizer_studies", 4000, "Generated studies whose metadata train the tokenizer.", lower_bound=10)


def make_vocabulary(workdir, seed):
    """The tokenizer of the workdir: at first that of the initial weights, or one trained on generated metadata.

    Workers of one training make the same one.
    """
    from keras_hparam import checkpoints
    from keras_hparam.optformer import corpus, serialization, weights
    from keras_hparam.optformer.vocabulary import Vocabulary, train_tokenizer

    path = pathlib.Path(workdir) / "tokenizer.model"
    if not path.exists() and FLAGS.init_weights:
        found = checkpoints.load_weights(FLAGS.init_weights, kind=weights.KIND)
        atomic.write_bytes(path, found.files[weights.TOKENIZER_FILE])
    elif not path.exists():
        studies = (corpus.generate_study(seed, index, max_trials=1) for index in range(FLAGS.tokenizer_studies))
        texts = [text for study in studies for text in serialization.texts(study.space, study.metadata)]
        atomic.write_bytes(path, train_tokenizer(texts, FLAGS.vocabulary_size))
    return Vocabulary(path.read_bytes(), source=path)


def make_settings():
    """(`TrainingSettings`, `BatchSettings`) of the flags."""
    from keras_hparam.optformer.batches import BatchSettings
    from keras_hparam.optformer.training_settings import TrainingSettings

    settings = TrainingSettings(
        steps=FLAGS.steps, learning_rate=FLAGS.learning_rate, warmup_steps=FLAGS.warmup_steps,
        decay_share=FLAGS.decay_share, value_weight=FLAGS.value_weight, seed=FLAGS.seed,
        checkpoint_every=FLAGS.checkpoint_every, evaluate_every=FLAGS.evaluate_every, precision=FLAGS.precision,
    )  # fmt: skip
    batch_settings = BatchSettings(
        trials_per_batch=FLAGS.trials_per_batch, max_parameters=FLAGS.max_parameters,
        value_objective=FLAGS.value_objective,
    )  # fmt: skip
    return settings, batch_settings


def report(steps):
    """A progress callback that prints step, losses, evaluations, speed and the time left."""

    def progress(step, figures, seconds):
        left = (steps - step) * seconds
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {step}/{steps}  {shown}  {seconds:.3f} s/step  {left / 60:.1f} min left", flush=True)

    return progress


def train(workdir, strategy, settings, batch_settings):
    """Trains or resumes in the workdir, and writes the weights."""
    from keras_hparam import checkpoints
    from keras_hparam.optformer import corpus, training, weights
    from keras_hparam.optformer.config import OptFormerConfig
    from keras_hparam.optformer.corpus import shards
    from keras_hparam.optformer.corpus.real import RealProblems

    vocabulary = make_vocabulary(workdir, FLAGS.seed)
    config = OptFormerConfig(
        first_bin=vocabulary.first_bin, width=FLAGS.width, num_layers=FLAGS.layers, num_heads=FLAGS.heads,
        architecture=FLAGS.architecture, metadata=FLAGS.metadata, num_frequencies=FLAGS.frequencies,
    )  # fmt: skip
    generate = corpus.generate_study
    if FLAGS.studies_dir:
        generate = shards.stored_studies(FLAGS.studies_dir)
    elif FLAGS.data_dir:
        generate = functools.partial(generate, real=RealProblems(FLAGS.data_dir))
    trainer = training.Trainer(config, settings, workdir, strategy, batch_settings)
    if FLAGS.resume and trainer.restore():
        print(f"Continues at step {trainer.step}.", flush=True)
    elif FLAGS.init_weights:
        weights.grow(trainer.model, checkpoints.load_weights(FLAGS.init_weights, kind=weights.KIND).weights)
    model = training.pretrain(trainer, vocabulary, generate, corpus.generate_study, report(FLAGS.steps))
    if trainer.engine.is_chief:
        facts = {"flag_file": _course.flag_file(), "seed": FLAGS.seed, "corpus": "keras_hparam.optformer.corpus"}
        facts["figures"] = trainer.figures
        weights.save(workdir / "weights", model, vocabulary, name=FLAGS.name, **facts)
        print(json.dumps({"weights": str(workdir / "weights"), "parameters": model.count_params(), **trainer.figures}))


def main(argv):
    """Holds the workdir and trains."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    _course.check_free(FLAGS.workdir)
    strategy = _strategy.make_strategy()
    if FLAGS.studies_dir and FLAGS.data_dir:
        raise app.UsageError("Expected --studies_dir or --data_dir, since stored studies are complete. Received: both.")
    settings = make_settings()
    with _course.held(FLAGS.workdir, strategy):
        train(pathlib.Path(FLAGS.workdir), strategy, *settings)
    _strategy.meet(strategy)


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
