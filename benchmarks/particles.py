"""Lowest energies of clusters: hits and evaluations per hit, beside basin hopping, multistarts, a constant controller.

    python -m benchmarks.particles --workdir=W --report

For each cluster and method: how many of the tries from random starts find the lowest known energy, and how many
evaluations of energy and gradient one hit costs (all tries' evaluations, failures and quenches included, divided by the
hits), with 95% intervals over tries. Minima of Gupta and Stillinger-Weber clusters are the lowest that any method finds
in the run. A cell (cluster, method) is a file in the workdir: a run that was killed continues. `--part=speed` measures
steps per second instead, on an idle machine.
"""

import json
import pathlib

import numpy as np
from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SIZES = (7, 10, 13, 15, 17, 19, 22, 24, 26, 31, 34, 38, 45, 55)  # 10, 17, 24, 34, 45 were never trained on
CLUSTERS = [*(f"lennard_jones_{size}" for size in SIZES), "gupta_Au_13", "stillinger_weber_8"]
METHODS = [
    "learned", "untrained", "constant_controller", "basin_hopping", "multistart", "adam", "fire_multistart",
]  # fmt: skip

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the cells and the table.", required=True)
flags.DEFINE_enum("part", "hits", ["hits", "speed"], "What is measured.")
flags.DEFINE_list("clusters", CLUSTERS, "lennard_jones_N, gupta_ELEMENT_N, stillinger_weber_N.")
flags.DEFINE_list("methods", METHODS, "In this order in the table.")
flags.DEFINE_string("weights", "learned-particles", "Name or directory of `learned`; `untrained` has its steps.")
flags.DEFINE_integer("tries", 512, "Random starts of a method; of basin hopping a quarter.", lower_bound=8)
flags.DEFINE_integer("seed", 0, "Of the starts; the same for all methods.", lower_bound=0)
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def compute(problem, method):
    """(energies, evaluations) of all tries, in the potential's unit."""
    from benchmarks import particle_peers

    tries = FLAGS.tries // 4 if method == "basin_hopping" else FLAGS.tries
    options = {"source": FLAGS.weights} if method in ("learned", "untrained") else {}
    energies, evaluations = particle_peers.METHODS[method](problem, tries, FLAGS.seed, **options)
    return np.asarray(energies) * problem.potential.energy_unit, np.asarray(evaluations)


def read_or_compute(name, problem, method):
    """The dict of a cell, with `energies` and `evaluations`, lists over tries."""
    path = pathlib.Path(FLAGS.workdir) / f"{name}-{method}-{FLAGS.tries}-{FLAGS.seed}.json"
    if not path.exists():
        from benchmarks import reference

        energies, evaluations = compute(problem, method)
        reference.write_json(path, {"energies": energies.tolist(), "evaluations": evaluations.tolist()})
        logging.info("%s, %s: lowest %.6f", name, method, energies.min())
    return json.loads(path.read_text())


def measure_cluster(name):
    """(lines, dict of figures by method) of a cluster."""
    from benchmarks import particle_figures as figures
    from benchmarks import tables

    problem = figures.make_problem(name)
    unknown, methods = problem.minimum is None, list(FLAGS.methods)
    if unknown:  # what needs to know the minimum comes last
        needs = ("basin_hopping", "constant_controller")
        methods = sorted(methods, key=lambda method: method in needs)
    cells = {}
    for method in methods:
        if unknown:
            problem.minimum = min((min(cell["energies"]) for cell in cells.values()), default=np.inf)
        cells[method] = read_or_compute(name, problem, method)
    if unknown:
        problem.minimum = min(min(cell["energies"]) for cell in cells.values())
    found = {method: figures.of_tries(cells[method], problem.minimum, problem.tolerance) for method in FLAGS.methods}
    rows = [["method", "hits", "evaluations a try", "evaluations a hit [95% interval]"]]
    rows += [figures.row(method, one) for method, one in found.items()]
    title = f"== {name}: {'lowest found' if unknown else 'known minimum'} {problem.minimum:.6f}"
    return [title, *tables.align(rows), ""], found


def measure_speed():
    """(lines, dict of steps per second by label)."""
    from benchmarks import particle_peers

    found = {}
    for label, source in (("2 x 32, 13 particles", ""), (f"{FLAGS.weights}, 13 particles", FLAGS.weights)):
        found[label] = particle_peers.steps_per_second(source, 13, 2048)
    return [f"{label}: {value:,.0f} steps per second" for label, value in found.items()], found


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import reference

    if FLAGS.part == "speed":
        lines, content = measure_speed()
        name = "particle_speed"
    else:
        lines, content = [], {}
        for cluster in FLAGS.clusters:
            part, content[cluster] = measure_cluster(cluster)
            lines += part
        name = "particles"
    text = "\n".join(lines)
    print(text)
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / f"{name}.json", content)
        (folder / f"{name}.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
