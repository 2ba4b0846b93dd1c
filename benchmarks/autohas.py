"""AutoHAS beside searches trial by trial on the same space: test accuracy of what is found, and what finding it costs.

    python -m benchmarks.autohas --workdir=W --data_dir=DIRECTORY --report

Each method ends with the hyperparameters that it found; these are trained anew, with the seed's weights and order, and
tested. KerasTuner's searches choose by validation accuracy. A training-equivalent is as many gradients of minibatches
as one training computes. A cell (task, method, seed) is a file in the workdir: a run that was killed continues.
`--part=ablation` shows what guards against the collapse onto skips and small rates, `--part=horizon` how much a short
training tells of a whole one; `--part=cost` measures iterations on shared weights, on an idle machine.
"""

import json
import pathlib

from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TASKS = ("digits", "fashion_mnist")
METHODS = (
    "default", "autohas", "policy_gradient", "architecture_only", "differentiable", "one_step_differentiable",
    "one_step_reinforce", "random", "bayesian", "hyperband",
)  # fmt: skip
PEERS = ("random", "bayesian", "hyperband")
BUDGETS = (4, 16)
ABLATION = (
    "autohas", "one_step_differentiable", "no_warm_up", "entropy", "gumbel", "not_normalized", "normalized",
    "one_step_reinforce",
)  # fmt: skip

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the cells and the table.", required=True)
flags.DEFINE_string("data_dir", "", "Directory of fashion_mnist.npz.")
flags.DEFINE_enum("part", "search", ["search", "ablation", "horizon", "cost"], "What is measured.")
flags.DEFINE_list("tasks", [*TASKS], "Tasks.")
flags.DEFINE_list("methods", None, "Methods; all of the part if not given.")
flags.DEFINE_integer("seeds", 3, "Seeds of data, weights and search.", lower_bound=1)
flags.DEFINE_bool("report_only", False, "Compute nothing: cells that are not there are left out.")
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def read_or_compute(task, method, seed):
    """The dict of a cell, of a peer by budget: {"4": …, "16": …}; None if it is not there and not to be computed."""
    path = pathlib.Path(FLAGS.workdir) / f"{task}-{method}-{seed}.json"
    if not path.exists() and FLAGS.report_only:
        return None
    if not path.exists():
        from benchmarks import autohas_runs, reference

        found = autohas_runs.run(task, method, seed, FLAGS.data_dir, pathlib.Path(FLAGS.workdir))
        reference.write_json(path, found)
        logging.info("%s, %s, seed %d: %s", task, method, seed, json.dumps(found))
    return json.loads(path.read_text())


def rows_of(task):
    """{label: list of cells over seeds}."""
    found = {}
    for method in FLAGS.methods or (ABLATION if FLAGS.part == "ablation" else METHODS):
        for seed in range(FLAGS.seeds):
            cell = read_or_compute(task, method, seed)
            if cell is None:
                continue
            parts = {f"{method} {b}": cell[str(b)] for b in BUDGETS} if method in PEERS else {method: cell}
            for label, part in parts.items():
                found.setdefault(label, []).append(part)
    return found


def lines_of(task, rows):
    """The table of one task."""
    import numpy as np

    from benchmarks import autohas_runs, tables

    head = [task, "seeds", "test accuracy", "standard error", "trainings", "seconds", "skips", "learning rate"]
    cells = [head]
    for label, found in rows.items():
        accuracy = np.array([cell["accuracy"] for cell in found])
        error = accuracy.std(ddof=1) / np.sqrt(len(accuracy)) if len(accuracy) > 1 else float("nan")
        means = [np.mean([cell[name] for cell in found]) for name in ("trainings", "seconds")]
        figures = [accuracy.mean(), error, *means]
        texts = [f"{value:.{digits}f}" for value, digits in zip(figures, (4, 4, 2, 0), strict=True)]
        skips = np.mean([[cell["values"][f"block{block}"] == "skip" for block in range(2)] for cell in found])
        rates = [(autohas_runs.DEFAULT | cell["values"])["learning_rate"] for cell in found]  # it may be fixed
        rate = np.exp(np.mean(np.log(rates)))
        cells.append([label, str(len(found)), *texts, f"{skips:.2f}", f"{rate:.2g}"])
    return tables.align(cells)


def main(argv):
    """Computes or reads all cells, prints the table."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    threads.pin(1)
    from benchmarks import autohas_runs, reference

    pathlib.Path(FLAGS.workdir).mkdir(parents=True, exist_ok=True)
    if FLAGS.part in ("cost", "horizon"):
        measure = {"cost": autohas_runs.cost, "horizon": autohas_runs.horizon}[FLAGS.part]
        found = {task: measure(task, FLAGS.data_dir) for task in FLAGS.tasks}
        lines = [f"{task}: {name} {value:.2f}" for task, part in found.items() for name, value in part.items()]
    else:
        found = {task: rows_of(task) for task in FLAGS.tasks}
        lines = [line for task, rows in found.items() for line in [*lines_of(task, rows), ""]]
    name = "autohas" if FLAGS.part == "search" else f"autohas_{FLAGS.part}"
    print("\n".join(lines))
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / f"{name}.json", found)
        (folder / f"{name}.txt").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    app.run(main)
