"""How far apart proposals are that are made at once, for workers in parallel, and what that costs.

    python -m benchmarks.parallel --workdir=/tmp/parallel

proposes rounds of 8 trials: "parallel", none of which has a result before the last one is proposed, beside "sequential"
ones, each of which has its result before the next, and beside random ones, after 0, 5 and 20 random trials. It prints,
for each suite, the mean and the least distance of two trials of a round (root mean square over parameters in the unit
interval) and the regret of the best trial so far, with 95% bootstrap intervals over problems and seeds, and leaves
`parallel.json` and `parallel.txt` in the workdir, where the levels that normalise the regret are cached in `references`
(those of benchmarks.search may be copied there).
"""

import pathlib

from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUITES = ["lcbench", "rpart", "mixed", "conditional", "synthetic"]

FLAGS = flags.FLAGS
flags.DEFINE_string("weights", "optformer-small", "Shipped name or folder of weights.")
flags.DEFINE_enum("pending", "predict", ["predict", "placeholder"], "How trials that run are shown to the model.")
flags.DEFINE_list("problems", SUITES, "Suites and problems of benchmarks.search.")
flags.DEFINE_multi_integer("earlier", [0, 5, 20], "Random trials before the round.", lower_bound=0)
flags.DEFINE_integer("round_size", 8, "Trials of a round.", lower_bound=2)
flags.DEFINE_integer("seeds", 2, "Seeds 0..n-1 on each problem.", lower_bound=1)
flags.DEFINE_string("workdir", None, "Folder of the results.", required=True)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with YAHPO Gym's archives.")


def main(argv):
    """Measures, prints and saves."""
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import problems as suites
    from benchmarks import reference, rounds
    from keras_hparam.optformer.planning import Proposer

    workdir, proposer = pathlib.Path(FLAGS.workdir), Proposer.load(FLAGS.weights, pending=FLAGS.pending)
    found = []
    for problem in suites.load(FLAGS.problems, FLAGS.data_dir):
        levels = reference.load_or_search(problem, workdir / "references")
        for seed in range(FLAGS.seeds):
            row = [rounds.measure(proposer, problem, levels, n, FLAGS.round_size, seed) for n in FLAGS.earlier]
            found.append((problem.suite, problem.name, seed, row))
            logging.info("%s, %s, seed %d: %s", *found[-1])
    summaries = rounds.summarise(found, FLAGS.earlier)
    text = rounds.render(summaries, FLAGS.round_size)
    print(text)
    reference.write_json(workdir / "parallel.json", summaries)
    (workdir / "parallel.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
