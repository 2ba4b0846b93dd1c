"""Draws what the corpus of studies looks like: the pictures of docs/corpus.md.

    python tools/show_corpus.py --output=docs

With --data_dir, the folder of surrogates and tables, it draws problems of real trainings as well. A few minutes.
"""

import pathlib
import sys

import corpus_pictures
from absl import app, flags

from keras_hparam import errors, reports
from keras_hparam.optformer.corpus import generate_study
from keras_hparam.optformer.corpus.objectives import FAMILIES
from keras_hparam.optformer.corpus.problems import random_problem
from keras_hparam.optformer.corpus.real import RealProblems

FLAGS = flags.FLAGS

flags.DEFINE_string("output", "docs", "Directory of the pictures.")
flags.DEFINE_string("data_dir", "", "Folder of recorded trainings and surrogates of them; none where it is empty.")
flags.DEFINE_integer("seed", 0, "Seed of the problems.", lower_bound=0)
flags.DEFINE_integer("studies", 1000, "Studies that are counted.", lower_bound=1)
flags.DEFINE_integer("problems", 100, "Problems on which policies are compared.", lower_bound=1)
flags.DEFINE_integer("max_trials", 200, "Trials at most in a study that is counted.", lower_bound=1)
flags.DEFINE_integer("max_parameters", 16, "Parameters at most in it.", lower_bound=1)


def main(argv):
    """Draws the three pictures."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    real = RealProblems(FLAGS.data_dir) if FLAGS.data_dir else None
    sources = {name: lambda rng, name=name: random_problem(rng, 8, name) for name in FAMILIES}
    if real:
        sources["real trainings"] = real
    limits = {"max_trials": FLAGS.max_trials, "max_parameters": FLAGS.max_parameters}
    studies = [generate_study(FLAGS.seed, index, real=real, **limits) for index in range(FLAGS.studies)]
    curves = corpus_pictures.policy_curves(FLAGS.seed, FLAGS.problems)
    figures = {
        "corpus_objectives.png": corpus_pictures.objectives_figure(FLAGS.seed, sources),
        "corpus_policies.png": corpus_pictures.policies_figure(curves),
        "corpus_studies.png": corpus_pictures.counts_figure(studies),
    }
    for name, figure in figures.items():
        reports.save_figure(figure, pathlib.Path(FLAGS.output) / name)
        print(pathlib.Path(FLAGS.output) / name, flush=True)


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
