"""What more compute brings: the loss on held-out studies of OptFormers of several widths, while they are trained.

    python -m benchmarks.scaling --workdir=W --report

All are trained by tools/pretrain_optformer.py on the same studies in the same order, at a rate that does not fall, and
are evaluated again and again on the same held-out ones. Compute is counted as 6 · parameters · positions; a trial has
two, its values with and without its objective. The best of all widths at each compute is the frontier; its slope over
the last decade says what ten times as much brings. A width is a workdir of its own: a run that was killed continues.
"""

import pathlib
import subprocess
import sys

from absl import app, flags

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the trainings and the table.", required=True)
flags.DEFINE_list("widths", ["16", "32", "64", "128"], "Widths of the Transformers; heads are 32 wide, if they can.")
flags.DEFINE_integer("layers", 4, "Layers of each.", lower_bound=1)
flags.DEFINE_list("steps", ["4000", "4000", "3000", "2000"], "Steps of each width.")
flags.DEFINE_integer("evaluate_every", 250, "Steps between evaluations.", lower_bound=1)
flags.DEFINE_integer("trials_per_batch", 512, "Studies times trials.", lower_bound=16)
flags.DEFINE_bool("report", False, "Also leave the table and the picture in benchmarks/results/.")


def train(width, steps, workdir):
    """Trains one width to the end, if it has not been; on, if it has been trained for fewer steps."""
    from benchmarks import scaling_figures

    if scaling_figures.trained_steps(workdir) >= steps:
        return
    given = {
        "workdir": workdir, "width": width, "heads": max(1, width // 32), "layers": FLAGS.layers, "steps": steps,
        "decay_share": 0, "evaluate_every": FLAGS.evaluate_every, "checkpoint_every": FLAGS.evaluate_every,
        "trials_per_batch": FLAGS.trials_per_batch, "name": f"width-{width}", "value_objective": "likelihood",
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "tools" / "pretrain_optformer.py")]
    subprocess.run([*command, *(f"--{name}={value}" for name, value in given.items())], check=True)


def main(argv):
    """Trains what is missing, prints the table."""
    if argv[1:] or len(FLAGS.widths) != len(FLAGS.steps):
        given = f"{len(FLAGS.steps)} steps, {len(FLAGS.widths)} widths, {argv[1:]}"
        raise app.UsageError(f"Expected as many --steps as --widths, and flags only. Received: {given}.")
    from benchmarks import reference, scaling_figures, tables

    folder, curves = pathlib.Path(FLAGS.workdir), {}
    for width, steps in zip(FLAGS.widths, FLAGS.steps, strict=True):
        train(int(width), int(steps), folder / f"width-{width}")
        curves[width] = scaling_figures.curve(folder / f"width-{width}", FLAGS.trials_per_batch)
    slope = scaling_figures.slope(*scaling_figures.frontier(curves))
    rows = [["width", "parameters", "FLOPs", "held-out loss, nats"]]
    for width, one in curves.items():
        rows.append([width, f"{one['parameters']:,}", f"{one['flops'][-1]:.1e}", f"{one['loss'][-1]:.3f}"])
    lines = [*tables.align(rows), f"ten times the compute: {slope:+.3f} nats on the frontier"]
    print("\n".join(lines))
    for place in [folder, *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(place / "scaling.json", {"curves": curves, "slope": slope})
        (place / "scaling.txt").write_text("\n".join(lines) + "\n")
        scaling_figures.plot(curves, place / "scaling.png")


if __name__ == "__main__":
    app.run(main)
