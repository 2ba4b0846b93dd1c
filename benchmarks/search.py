"""Black-box search, side by side: ours, random, local mutation, KerasTuner's and Optuna's searchers.

    python -m benchmarks.search --workdir=/tmp/search --peers=random,local,bayesian,optformer --seeds=3 --trials=50

prints regret at 10, 25, 50 (100) trials, mean rank and milliseconds per proposal for each suite, and leaves
`summary.json`, `table.txt` and `regret.png` in the workdir. Every (problem, peer, seed) is a file of its own there:
a benchmark that was killed continues, and one with more peers, seeds or problems reuses what exists (delete
`<workdir>/cells/*/optformer` after the weights behind an unchanged name have changed). The best known values and the
medians of random search that normalise the regret are searched for first (two minutes in all) and cached in
`<workdir>/references`; `--references_only` stops there.

BLAS and OpenMP are pinned to one thread, by environment variables set before NumPy is imported: with the default
number of threads the Gaussian processes of the peers are several times slower. TensorFlow's own threads are left alone
with `--processes=1`; with more, each process gets one. Measure latencies on an idle machine with one process.
"""

import concurrent.futures
import multiprocessing
import os
import pathlib

from absl import app, flags, logging

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TENSORFLOW_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

FLAGS = flags.FLAGS
flags.DEFINE_integer("seeds", 3, "Seeds 0..n-1 of each peer on each problem.", lower_bound=1)
flags.DEFINE_integer("trials", 50, "Trials of each search.", lower_bound=1)
DEFAULT_PEERS = ["random", "local", "bayesian", "optformer"]
flags.DEFINE_list("peers", DEFAULT_PEERS, "Also optuna_tpe, optuna_gp, optformer:<decoding>.")
flags.DEFINE_list("problems", ["lcbench", "synthetic"], "Suites, or names of single problems.")
flags.DEFINE_string("workdir", None, "Folder of the cells, the references, the table and the picture.", required=True)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with yahpo_lcbench.zip.")
flags.DEFINE_string("weights", "", "Shipped name or path of the weights of optformer; empty: its default.")
flags.DEFINE_integer("processes", 1, "Independent processes that share the cells.", lower_bound=1)
flags.DEFINE_bool("references_only", False, "Only search for the best known values and the medians.")
flags.DEFINE_bool("report_only", False, "Only report what the workdir holds.")


def pin_threads(num_processes):
    """Sets the thread counts of this process and its children; before NumPy and TensorFlow are imported."""
    names = BLAS_THREADS if num_processes == 1 else BLAS_THREADS + TENSORFLOW_THREADS
    os.environ.update(dict.fromkeys(names, "1"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def run_jobs(function, jobs, num_processes):
    """Calls `function(*job)` for every job, in this process or in several, and shows n of N."""
    if num_processes == 1:
        for done, job in enumerate(jobs, 1):
            function(*job)
            logging.info("%d/%d %s", done, len(jobs), job[2:])
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(num_processes, mp_context=context) as pool:
        pending = {pool.submit(function, *job): job for job in jobs}
        for done, future in enumerate(concurrent.futures.as_completed(pending), 1):
            future.result()
            logging.info("%d/%d %s", done, len(jobs), pending[future][2:])


def report(workdir, problems, references, cells, num_trials):
    """Prints and saves the tables and the picture."""
    from benchmarks import reference, tables

    signs = {problem.name: problem.sign for problem in problems}
    suites = dict.fromkeys(problem.suite for problem in problems)
    summaries = {}
    for suite in suites:
        chosen = [cell for cell in cells if cell["suite"] == suite]
        summaries[suite] = tables.summarise(chosen, references, signs, num_trials)
    text = "\n\n".join(tables.render(suite, summary) for suite, summary in summaries.items())
    print(text)
    (workdir / "table.txt").write_text(text + "\n")
    reference.write_json(workdir / "summary.json", summaries)
    tables.plot(summaries, workdir / "regret.png")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    pin_threads(FLAGS.processes)
    from benchmarks import cells, peers, reference
    from benchmarks import problems as suites

    workdir = pathlib.Path(FLAGS.workdir)
    problems = suites.load(FLAGS.problems, FLAGS.data_dir)
    references = {p.name: reference.load_or_search(p, workdir / "references") for p in problems}
    for name, found in references.items():
        logging.info("%s: best %.6g (%s), median %.6g", name, found["best"], found["source"], found["median"])
    if FLAGS.references_only:
        return
    grid = [(p.name, peer, seed) for seed in range(FLAGS.seeds) for p in problems for peer in FLAGS.peers]
    if not FLAGS.report_only:
        for peer in FLAGS.peers:  # an unknown or missing peer fails here, before hours of work
            peers.make(peer, problems[0], FLAGS.trials, 1, FLAGS.weights)
        jobs = [(str(workdir), FLAGS.data_dir, *cell, FLAGS.trials, FLAGS.weights) for cell in grid]
        run_jobs(cells.complete, jobs, FLAGS.processes)
    done = [cells.read(workdir, *cell, FLAGS.trials, FLAGS.weights) for cell in grid]
    report(workdir, problems, references, [cell for cell in done if cell is not None], FLAGS.trials)


if __name__ == "__main__":
    app.run(main)
