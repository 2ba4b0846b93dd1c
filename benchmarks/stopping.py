"""What stopping hopeless trials saves and costs, on trainings that DeepOBS recorded epoch by epoch.

    python -m benchmarks.stopping --workdir=/tmp/stopping

replays searches over 108 recorded configurations of each of 5 problems, in a random order and in the order that the
model plans, and stops trials as `kh.callbacks.StopHopeless` does, judged by the model's prediction and learning curves
or by the curves alone. It prints the share of the epochs that it saves and the regret that it adds to the same search
without stopping (of the distance from the median configuration to the best), with 95% bootstrap intervals over problems
and seeds, and leaves `stopping.json` and `stopping.txt` in the workdir. The shipped weights have read the final values
of these trainings in their corpus: what is judged by curves alone, in a random order, is free of that.
"""

import functools
import pathlib

from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLAGS = flags.FLAGS
flags.DEFINE_string("weights", "optformer-small", "Shipped name or folder of weights.")
flags.DEFINE_multi_float("threshold", [0.02, 0.05, 0.1], "Chance of becoming the best below which a trial is stopped.")
flags.DEFINE_integer("seeds", 4, "Seeds 0..n-1 of each order on each problem.", lower_bound=1)
flags.DEFINE_integer("trials", 30, "Trials of each search.", lower_bound=1, upper_bound=108)
flags.DEFINE_string("workdir", None, "Folder of the results.", required=True)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with DeepOBS' runs and curves.")


def main(argv):
    """Replays, prints and saves."""
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import deepobs, predictors, reference, replays
    from keras_hparam.optformer.planning import Proposer

    repeats = [(task, seed) for task in deepobs.load(FLAGS.data_dir) for seed in range(FLAGS.seeds)]
    proposer = Proposer.load(FLAGS.weights)
    orders = {"random": replays.InRandomOrder, "planned": functools.partial(replays.Planned, proposer)}
    judges = {"model and curves": predictors.OptFormerPredictor(FLAGS.weights), "curves": None}
    rows, regrets = [], {}
    for order, make in orders.items():
        base = [replays.replay(task, make(task, seed), FLAGS.trials) for task, seed in repeats]
        regrets[order] = sum(one["regret"] for one in base) / len(base)
        for judge, predict in judges.items():
            for threshold in FLAGS.threshold:
                stopping = replays.Stopping(predict, threshold)
                found = [replays.replay(task, make(task, seed), FLAGS.trials, stopping) for task, seed in repeats]
                rows.append(
                    {"order": order, "judge": judge, "threshold": threshold, **replays.compare(repeats, found, base)}
                )
                logging.info("%s", rows[-1])
    without = ", ".join(f"{order} {regret:.4f}" for order, regret in regrets.items())
    text = (
        f"{len(repeats)} searches of {FLAGS.trials} trials; regret without stopping: {without}\n{replays.render(rows)}"
    )
    print(text)
    workdir = pathlib.Path(FLAGS.workdir)
    content = {"searches": len(repeats), "trials": FLAGS.trials, "regret_without_stopping": regrets, "rows": rows}
    reference.write_json(workdir / "stopping.json", content)
    (workdir / "stopping.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
