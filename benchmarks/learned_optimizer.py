"""The learned optimizer beside Adam and SGD with momentum, each of them at the best of seven learning rates.

    python -m benchmarks.learned_optimizer --workdir=W --report

On data, sizes and kinds of networks that no meta-training saw. For each task and method: the training loss at the end
(geometric mean over seeds, which draw weights, minibatches and splits), that on held-out data, its ratio to that of
Adam at its best rate with the standard deviation of its logarithm over seeds, and milliseconds per step. The best rate
is chosen by the very losses that are reported, which favours the conventional optimizers; the learned one is not tuned.
A cell (task, method) is a file in the workdir: a run that was killed continues.
"""

import json
import os
import pathlib

from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the cells, the table and the picture.", required=True)
flags.DEFINE_string("weights", "learned-nn", "Shipped name or directory of the learned optimizer.")
flags.DEFINE_list("tasks", [], "Parts of the names of the tasks to measure; none: all.")
flags.DEFINE_list("methods", [], "Parts of the names of the methods to measure; none: all. Adam always is.")
flags.DEFINE_integer("seeds", 5, "Seeds 0..n-1.", lower_bound=1)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with fashion_mnist and uci_regression.")
flags.DEFINE_bool("report", False, "Also leave the table and the picture in benchmarks/results/.")


def chosen(names, parts):
    """The names that contain one of the parts."""
    return [name for name in names if not parts or any(part in name for part in parts)]


def read_or_compute(task, method):
    """The figures of a cell."""
    from benchmarks import optimizer_figures, optimizer_runs, optimizer_tasks, reference

    file = "".join(letter if letter.isalnum() else "-" for letter in f"{task} {method} {FLAGS.seeds}") + ".json"
    path = pathlib.Path(FLAGS.workdir) / file
    if not path.exists():
        cell = optimizer_runs.compute(
            optimizer_tasks.TASKS[task], optimizer_runs.METHODS[method], FLAGS.data_dir, FLAGS.seeds, FLAGS.weights
        )
        reference.write_json(path, optimizer_figures.figures(cell))
        logging.info("%s: %s", task, method)
    return json.loads(path.read_text())


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import optimizer_figures, optimizer_runs, optimizer_tasks, reference

    tasks = chosen(optimizer_tasks.TASKS, FLAGS.tasks)
    methods = chosen(optimizer_runs.METHODS, FLAGS.methods)
    methods = [*methods, *({optimizer_figures.REFERENCE} - set(methods))]
    if not tasks or not methods:
        raise app.UsageError(f"Expected parts of {list(optimizer_tasks.TASKS)} and {list(optimizer_runs.METHODS)}.")
    found, lines = {}, []
    for task in tasks:
        found[task] = {method: read_or_compute(task, method) for method in methods}
        lines += [f"== {task}: {optimizer_tasks.TASKS[task].steps} steps", *optimizer_figures.table(found[task]), ""]
        print("\n".join(lines[-len(methods) - 3 :]), flush=True)
    over_all = [f"== {len(tasks)} tasks, {FLAGS.seeds} seeds of each", *optimizer_figures.summary(found)]
    machine = f"{os.cpu_count()} cores; seconds are those of a machine that is not idle"
    text = "\n".join([machine, "", *lines, *over_all])
    print("\n".join(over_all))
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / "learned_optimizer.json", found)
        (folder / "learned_optimizer.txt").write_text(text + "\n")
        optimizer_figures.picture(found).savefig(folder / "learned_optimizer.png", dpi=90)


if __name__ == "__main__":
    app.run(main)
