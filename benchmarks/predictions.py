"""Predicted objectives, side by side: ours and Gaussian processes that are given the same trials.

    python -m benchmarks.predictions --workdir=/tmp/predictions --weights=optformer-small --problems=corpus,lcbench

prints, for each suite and each way in which the trials were chosen (random; mixed: half of them near the best ones, as
in a search), after 10, 20, 50 and 100 trials: the negative log-likelihood of new outcomes in nats (of 1,000 bins; a
uniform prediction has 6.9), the share of them in the central 50% and 90% intervals, and Spearman's correlation of the
predicted mean with the objective without noise, each with a 95% bootstrap interval over problems. The new outcomes are
as they would be observed, noise included; failed ones are left out. Objectives are normalised by the trials, as in a
search. The problems of "corpus" are synthetic ones of a seed that no training has, the others those of
benchmarks.search. It leaves `summary.json` and `table.txt` in the workdir; every (predictor, problem, policy) is a file
of its own there, so that a benchmark which was killed continues.
"""

import functools
import pathlib

from absl import app, flags

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLAGS = flags.FLAGS
flags.DEFINE_list("weights", ["optformer-small"], "Shipped names or folders of weights; each is a predictor.")
flags.DEFINE_list("gaussian_processes", ["scikit_learn", "surrogate"], "See benchmarks.predictors.")
flags.DEFINE_list("problems", ["corpus", "lcbench"], "corpus, or suites and problems of benchmarks.search.")
flags.DEFINE_integer("corpus_problems", 40, "Problems of corpus.", lower_bound=1)
flags.DEFINE_list("policies", ["random", "mixed"], "How trials are chosen.")
flags.DEFINE_integer("questions", 128, "New configurations after each number of trials.", lower_bound=2)
flags.DEFINE_string("workdir", None, "Folder of the results.", required=True)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with YAHPO Gym's archives.")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import prediction_cases, prediction_figures, predictors, reference

    makers = {name: functools.partial(getattr, predictors, name) for name in FLAGS.gaussian_processes}
    for weights in FLAGS.weights:
        label = f"optformer@{pathlib.PurePath(weights).name}"
        makers[label] = functools.cache(functools.partial(predictors.OptFormerPredictor, weights))
    cases = prediction_cases.load(FLAGS.problems, FLAGS.corpus_problems, FLAGS.data_dir)
    cells = [
        (
            case.suite, policy, case.name, label,
            prediction_figures.complete(FLAGS.workdir, make, label, case, policy, FLAGS.questions),
        )
        for label, make in makers.items() for case in cases for policy in FLAGS.policies
    ]  # fmt: skip
    summaries = prediction_figures.summarise(cells)
    text, workdir = prediction_figures.render(summaries), pathlib.Path(FLAGS.workdir)
    print(text)
    (workdir / "table.txt").write_text(text + "\n")
    reference.write_json(workdir / "summary.json", summaries)


if __name__ == "__main__":
    app.run(main)
