"""Black-box search, side by side: ours, random, local mutation, KerasTuner's and Optuna's searchers.

    python -m benchmarks.search --workdir=/tmp/search --peers=random,local,optuna_gp,bayesian,planning --trials=100

prints, for all problems together and for each suite, normalised regret and mean rank at 10, 25, 50 and 100 trials
with 95% bootstrap intervals, the differences to `--base` and milliseconds per proposal, and leaves `summary.json`,
`table.txt` and `regret.png` in the workdir. Every (problem, peer, seed) is a file of its own there: a benchmark that
was killed continues, and one with more peers, seeds or problems reuses what exists; `--cells=FILE` takes them from one
workdir to another (delete `<workdir>/cells/*/planning` after the weights behind an unchanged name, or the code, have
changed). The best known values and the medians of random search that normalise the regret are searched for first (a few
minutes in all) and cached in `<workdir>/references`; `--references_only` stops there. A search that fails is logged and
left out, and the program ends with an error.

BLAS and OpenMP are pinned to one thread, by environment variables set before NumPy is imported: with the default
number of threads the Gaussian processes of the peers are several times slower. TensorFlow's own threads are left alone
with `--processes=1`; with more, each process gets one. Latencies on an idle machine: `benchmarks.latency`.
"""

import pathlib
import sys

from absl import app, flags, logging

from benchmarks import jobs, threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEFAULT_PEERS = ["random", "local", "optuna_tpe", "optuna_gp", "optuna_cmaes", "bayesian", "planning"]
DEFAULT_PROBLEMS = ["lcbench", "rpart", "bbob", "mixed", "conditional"]

FLAGS = flags.FLAGS
flags.DEFINE_integer("seeds", 3, "Seeds 0..n-1 of each peer on each problem.", lower_bound=1)
flags.DEFINE_integer("trials", 100, "Trials of each search.", lower_bound=1)
flags.DEFINE_list("peers", DEFAULT_PEERS, "Also optformer; ours take options and weights, see benchmarks/peers.py.")
flags.DEFINE_string("base", "", "The peer to which differences are shown; empty: the first of ours, or none.")
flags.DEFINE_list("problems", DEFAULT_PROBLEMS, "Suites (also rpart_all, bbob_all, synthetic), or single problems.")
flags.DEFINE_string("workdir", None, "Folder of the cells, the references, the table and the picture.", required=True)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with YAHPO Gym's archives.")
flags.DEFINE_integer("processes", 1, "Independent processes that share the cells.", lower_bound=1)
flags.DEFINE_bool("references_only", False, "Only search for the best known values and the medians.")
flags.DEFINE_string("cells", "", "File of searches that are not run again; those of the workdir are added at the end.")
flags.DEFINE_bool("report_only", False, "Only report what the workdir holds.")


def report(workdir, problems, references, cells, num_trials, base):
    """Prints and saves the tables and the picture."""
    from benchmarks import pictures, reference, statistics, tables

    summaries = statistics.summarise(cells, problems, references, num_trials, base)
    text = "\n\n".join(tables.render(title, summary) for title, summary in summaries.items())
    print(text)
    (workdir / "table.txt").write_text(text + "\n")
    reference.write_json(workdir / "summary.json", summaries)
    pictures.plot(summaries, workdir / "regret.png")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(FLAGS.processes)
    from benchmarks import cells, peers, reference
    from benchmarks import problems as suites

    workdir = pathlib.Path(FLAGS.workdir)
    if FLAGS.cells and pathlib.Path(FLAGS.cells).exists():
        cells.unpack(FLAGS.cells, workdir)
    elif FLAGS.cells:
        logging.warning("%s is not there yet: no search is taken from it.", FLAGS.cells)
    parsed = [peers.parse(peer) for peer in FLAGS.peers]
    ours = [peer.label for peer in parsed if peer.name in peers.OURS]
    base = peers.parse(FLAGS.base).label if FLAGS.base else next(iter(ours), None)
    problems = suites.load(FLAGS.problems, FLAGS.data_dir)
    references = {p.name: reference.load_or_search(p, workdir / "references") for p in problems}
    for name, found in references.items():
        logging.info("%s: best %.6g (%s), median %.6g", name, found["best"], found["source"], found["median"])
    if FLAGS.references_only:
        return
    grid = [(p.name, peer, seed) for seed in range(FLAGS.seeds) for p in problems for peer in FLAGS.peers]
    failed = []
    if not FLAGS.report_only:
        for peer in FLAGS.peers:  # a missing peer fails here, before hours of work
            peers.make(peer, problems[0], FLAGS.trials, 1)
        todo = [cell for cell in grid if cells.read(workdir, *cell, FLAGS.trials) is None]
        calls = [(str(workdir), FLAGS.data_dir, *cell, FLAGS.trials) for cell in todo]
        failed = jobs.run(cells.complete, calls, FLAGS.processes)
    done = [cells.read(workdir, *cell, FLAGS.trials) for cell in grid]
    if FLAGS.cells:
        cells.pack(workdir, FLAGS.cells)
    report(workdir, problems, references, [cell for cell in done if cell is not None], FLAGS.trials, base)
    if failed:
        sys.exit(f"Expected {len(calls)} searches to end. Received: {len(failed)} failures, logged above.")


if __name__ == "__main__":
    app.run(main)
