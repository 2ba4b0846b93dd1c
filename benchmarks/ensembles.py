"""Ensembles side by side: one tuned network, MC dropout, deep, hyper-deep, batch and hyper-batch ensembles.

    python -m benchmarks.ensembles --workdir=W --processes=2 --report
    python -m benchmarks.ensembles --workdir=W --part=cost --report

The first prints, for each task, test NLL, accuracy or RMSE, calibration error, parameters, seconds of training and
milliseconds of inference, mean ± standard deviation over seeds, and paired differences in NLL; the second what a
training step, memory and inference cost, measured in one process on an idle machine. Tasks, efforts and ranges are
those of `benchmarks/ensemble_tasks.py`. A seed draws the initial weights and the subset or split. All methods begin
with the same random search of its (task, seed) and see the same validation data; the test data are for the table alone.

A cell (task, method, seed) is a file in the workdir: a run that was killed continues, and seeds, tasks and methods can
be added. A cell that fails is logged and left out, and the program ends with an error. `--report` also leaves the
tables in `benchmarks/results/`. With several processes, each has one thread: seconds are then not those of an idle
machine, but all methods' alike.
"""

import functools
import os
import pathlib
import sys

from absl import app, flags, logging

from benchmarks import jobs, threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TASKS = ["fashion_lenet", "fashion_mlp", "concrete", "energy", "yacht"]
FURTHER_TASKS = ["power_plant", "wine_quality_red"]
METHODS = ["single", "mc_dropout", "deep_ensemble", "hyper_deep", "batch_ensemble", "hyper_batch"]
ABLATIONS = ["unit_encoding", "value_entropy", "normal_factors", "published"]  # hyper_batch with published choices
OVERRIDES = ("train_size", "validation_size", "epochs", "trials", "initializations", "shared_trials", "dropout_samples")

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the cells and the tables.", required=True)
flags.DEFINE_enum("part", "quality", ["quality", "cost"], "What is measured.")
flags.DEFINE_integer("seeds", 5, "Seeds 0..n-1 of each method on each task.", lower_bound=1)
flags.DEFINE_list("tasks", TASKS, f"Also {', '.join(FURTHER_TASKS)}.")
flags.DEFINE_list("methods", METHODS, f"Each begins with the same search. Also {', '.join(ABLATIONS)}.")
flags.DEFINE_integer("ensemble_size", 4, "Members K of each ensemble.", lower_bound=2)
flags.DEFINE_string("data_dir", str(ROOT.parent / "shared" / "data"), "Folder with fashion_mnist and uci_regression.")
flags.DEFINE_integer("processes", 1, "Independent processes that share the cells.", lower_bound=1)
flags.DEFINE_bool("report", False, "Also leave the tables in benchmarks/results/.")
flags.DEFINE_bool("report_only", False, "Only report what the workdir holds.")
for name in OVERRIDES:
    flags.DEFINE_integer(name, None, "Overrides that of every task; see ensemble_tasks.Task.", lower_bound=1)
for name, known in (("tasks", TASKS + FURTHER_TASKS), ("methods", METHODS + ABLATIONS)):
    is_known = functools.partial(lambda known, given: bool(given) and set(given) <= set(known), known)
    flags.register_validator(name, is_known, f"Expected some of {', '.join(known)}.")


def run_cells(setup):
    """Computes what is not there; returns how many cells failed."""
    from benchmarks import ensemble_cells

    failed = 0
    for stage in ensemble_cells.stages(FLAGS.tasks, FLAGS.methods, FLAGS.seeds):
        todo = [cell for cell in stage if ensemble_cells.read(setup, *cell) is None]
        if todo:
            logging.info("%s: %d cells", sorted({method for _, method, _ in todo}), len(todo))
            calls = [(setup.workdir, setup, *cell) for cell in todo]
            failed += len(jobs.run(ensemble_cells.complete, calls, FLAGS.processes))
    return failed


def report_cells(setup):
    """(text, JSON content) of the tables of all finished cells."""
    from benchmarks import ensemble_cells, ensemble_report

    grid = [(task, method, seed) for task in FLAGS.tasks for method in FLAGS.methods for seed in range(FLAGS.seeds)]
    found = [ensemble_cells.read(setup, *cell) for cell in grid]
    summary = ensemble_report.summarise([cell for cell in found if cell is not None])
    text = f"K = {setup.ensemble_size}, {FLAGS.processes} processes of {os.cpu_count()} cores\n\n"
    text += "\n\n".join(
        ensemble_report.render(task, figures, setup.task(task).describe()) for task, figures in summary.items()
    )
    return text, {"ensemble_size": setup.ensemble_size, "tasks": summary}


def save(name, text, content):
    """Prints a table and saves it with its figures in the workdir and, with --report, among the results."""
    from benchmarks import reference

    print(text)
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / f"{name}.json", content)
        (folder / f"{name}.txt").write_text(text + "\n")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(FLAGS.processes)
    if FLAGS.part == "cost":
        from benchmarks import ensemble_costs

        save("ensemble_costs", *ensemble_costs.measure(FLAGS.ensemble_size))
        return
    from benchmarks import ensemble_cells

    overrides = tuple((name, FLAGS[name].value) for name in OVERRIDES if FLAGS[name].value is not None)
    setup = ensemble_cells.Setup(FLAGS.workdir, FLAGS.data_dir, FLAGS.ensemble_size, overrides)
    failed = 0 if FLAGS.report_only else run_cells(setup)
    save("ensembles", *report_cells(setup))
    if failed:
        sys.exit(f"Expected all cells to be computed. Received: {failed} failures, logged above.")


if __name__ == "__main__":
    app.run(main)
