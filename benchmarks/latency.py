"""Milliseconds per proposal on an idle machine, side by side: the first one after loading, and later ones.

    python -m benchmarks.latency --workdir=/tmp/latency --peers=optuna_gp,bayesian,planning:num_candidates=256

Every peer runs in a process of its own, one after the other, over the same 7 parameters (`--problem`); "first" is what
a user waits for the first trial: making the searcher, weights included, and its first proposal, without Python's
imports. A later figure is the median over the trials around it. Prints a table and leaves `latency.json` and
`latency.txt` in the workdir.
"""

import concurrent.futures
import multiprocessing
import os
import pathlib

from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEERS = ["random", "local", "optuna_tpe", "optuna_gp", "optuna_cmaes", "bayesian", "optformer"]
PEERS += ["planning:num_candidates=256"]

FLAGS = flags.FLAGS
flags.DEFINE_list("peers", PEERS, "As of benchmarks.search.")
flags.DEFINE_string("problem", "styblinski_tang7", "A problem of benchmarks.search; its objective's time is left out.")
flags.DEFINE_integer("trials", 200, "Trials of each search.", lower_bound=1)
flags.DEFINE_string("workdir", None, "Folder of the results.", required=True)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with YAHPO Gym's archives.")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import peers, proposals, reference

    for peer in FLAGS.peers:
        peers.parse(peer)
    load = os.getloadavg()[0]
    results = []
    for peer in FLAGS.peers:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            results.append(pool.submit(proposals.measure, peer, FLAGS.problem, FLAGS.data_dir, FLAGS.trials).result())
        logging.info("%s", results[-1])
    text = f"{FLAGS.problem}, {os.cpu_count()} cores, load before the run {load:.1f}\n{proposals.render(results)}"
    print(text)
    workdir = pathlib.Path(FLAGS.workdir)
    content = {"problem": FLAGS.problem, "cores": os.cpu_count(), "load_before": load, "peers": results}
    reference.write_json(workdir / "latency.json", content)
    (workdir / "latency.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
