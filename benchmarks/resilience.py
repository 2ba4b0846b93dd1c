"""What trainings and searches survive, and what reading says of damaged files.

    python -m benchmarks.resilience --part=kills --workdir=W --report
    python -m benchmarks.resilience --part=files --workdir=W --report
    python -m benchmarks.resilience --part=soak --workdir=W --report
    python -m benchmarks.resilience --part=speedup --workdir=W --report

`--part=kills` runs every program that trains to its end once, and then kills it at random moments of its work and
starts it again until it comes to its end, over and over: the results have to be the same to the last bit. One thread
each, so that sums have one order. A program's figures are a file in the workdir: a run that was killed continues.

`--part=files` damages files of every kind that the package reads, `--mutations` times each at random and in all the
ways that `testing.check_damaged_files` knows: they have to be refused by name, or read as if they were whole.

`--part=soak` searches with several workers over a space of 20 parameters, of which conditional ones become known on the
way, while workers are killed and stopped and the chief is killed: no trial may be lost, counted or proposed twice,
and memory and the time of a proposal stay as they are. `--part=speedup` measures 1, 2 and 4 workers whose trials sleep.
"""

import pathlib

from absl import app, flags

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the figures and of what is trained.", required=True)
flags.DEFINE_enum("part", "kills", ["kills", "soak", "speedup", "files"], "What is measured.")
flags.DEFINE_list("trainers", None, "Names in the table of trainers; all if not given.")
flags.DEFINE_integer("kills", 20, "Of each program.", lower_bound=1)
flags.DEFINE_integer("mutations", 1000, "Random damages of each kind of files.", lower_bound=0)
flags.DEFINE_integer("trials", 1000, "Of the soak; of each search of the speedup.", lower_bound=20)
flags.DEFINE_integer("workers", 4, "Of the soak.", lower_bound=1)
flags.DEFINE_float("seconds_between", 40.0, "Failures of the soak, on average.", lower_bound=1.0)
flags.DEFINE_integer("seeds", 3, "Of the speedup.", lower_bound=2)
flags.DEFINE_float("trial_seconds", 2.0, "How long a trial of the speedup sleeps.", lower_bound=0.0)
flags.DEFINE_integer("seed", 0, "Of the moments, the damages and the failures.", lower_bound=0)
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def kills():
    """(figures, lines of the table)."""
    from benchmarks import resilience_kills

    found = resilience_kills.measure(FLAGS.trainers, FLAGS.kills, FLAGS.seed, pathlib.Path(FLAGS.workdir))
    return found, resilience_kills.table(found)


def files():
    """(figures, lines of the table)."""
    from benchmarks import resilience_files

    found = resilience_files.run(FLAGS.mutations, FLAGS.seed)
    return found, resilience_files.table(found)


def soak():
    """(figures, lines of the table)."""
    from benchmarks import resilience_search

    directory = pathlib.Path(FLAGS.workdir) / "soak"
    found = resilience_search.soak(directory, FLAGS.trials, FLAGS.workers, FLAGS.seconds_between, FLAGS.seed)
    return found, resilience_search.soak_table(found)


def speedup():
    """(figures, lines of the table)."""
    from benchmarks import resilience_search

    found = resilience_search.speedup(pathlib.Path(FLAGS.workdir), FLAGS.trials, FLAGS.seeds, FLAGS.trial_seconds)
    return found, resilience_search.speedup_table(found)


PARTS = {"soak": soak, "speedup": speedup, "kills": kills, "files": files}


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
