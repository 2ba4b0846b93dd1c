"""What trainings survive: kills at random moments.

    python -m benchmarks.resilience --part=kills --workdir=W --report

`--part=kills` runs every program that trains to its end once, and then kills it at random moments of its work and
starts it again until it comes to its end, over and over: the results have to be the same to the last bit. One thread
each, so that sums have one order. A program's figures are a file in the workdir: a run that was killed continues.
"""

import pathlib

from absl import app, flags

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the figures and of what is trained.", required=True)
flags.DEFINE_enum("part", "kills", ["kills"], "What is measured.")
flags.DEFINE_list("trainers", None, "Names in the table of trainers; all if not given.")
flags.DEFINE_integer("kills", 20, "Of each program.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of the moments.", lower_bound=0)
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def kills():
    """(figures, lines of the table)."""
    from benchmarks import resilience_kills

    found = resilience_kills.measure(FLAGS.trainers, FLAGS.kills, FLAGS.seed, pathlib.Path(FLAGS.workdir))
    return found, resilience_kills.table(found)


PARTS = {"kills": kills}


def main(argv):
    """Measures a part, prints its table."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    from benchmarks import reference

    pathlib.Path(FLAGS.workdir).mkdir(parents=True, exist_ok=True)
    found, lines = PARTS[FLAGS.part]()
    print("\n".join(lines))
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / f"resilience_{FLAGS.part}.json", found)
        (folder / f"resilience_{FLAGS.part}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    app.run(main)
