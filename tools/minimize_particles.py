"""Looks for the lowest energies of a cluster from random starts, and writes the best ones as an XYZ file.

    python tools/minimize_particles.py --num_particles=13 --starts=64 --output=lj13.xyz
    python tools/minimize_particles.py --potential=gupta --elements=Au,Au,Au,Pd,Pd,Pd,Pd --output=aupd.xyz

It prints the distinct energies that were found, how often, and how many evaluations of energy and gradient they took.
"""

import sys

from absl import app, flags

from keras_hparam import errors

FLAGS = flags.FLAGS
POTENTIALS = ["lennard_jones", "gupta", "stillinger_weber"]

flags.DEFINE_enum("potential", "lennard_jones", POTENTIALS, "Energy of the particles.")
flags.DEFINE_integer("num_particles", None, "Particles of a cluster; with several --elements, their number.")
flags.DEFINE_list("elements", [], "Of gupta: one symbol for all particles, or one for each.")
flags.DEFINE_integer("starts", 64, "Random starts.", lower_bound=1)
flags.DEFINE_integer("batch_size", 64, "Starts at once.", lower_bound=1)
flags.DEFINE_integer("steps", None, "Steps of the optimizer network; none: what suits the number.", lower_bound=1)
flags.DEFINE_string("weights", "learned-particles", "Shipped name or directory; empty: the untrained rule.")
flags.DEFINE_enum("quench", "lbfgs", ["lbfgs", "fire", "none"], "Conventional optimizer of the last steps.")
flags.DEFINE_integer("seed", 0, "Seed of the starts.", lower_bound=0)
flags.DEFINE_integer("keep", 10, "Distinct clusters to write and show, the best first.", lower_bound=1)
flags.DEFINE_float("same_energy", 1e-3, "Energies that differ by less are of the same minimum.", lower_bound=0.0)
flags.DEFINE_string("output", None, "The XYZ file; none: no file.")


def make_potential():
    """(potential, number of particles) of the flags."""
    from keras_hparam.learned_optimizers import particles

    if FLAGS.potential != "gupta":
        if FLAGS.elements:
            received = FLAGS.potential
            raise errors.InvalidArgumentError(f"Expected --potential=gupta with --elements. Received: {received}.")
        made = {"lennard_jones": particles.LennardJones, "stillinger_weber": particles.StillingerWeber}
        potential = made[FLAGS.potential]()
    else:
        if not FLAGS.elements:
            raise errors.InvalidArgumentError("Expected --elements with --potential=gupta. Received: none.")
        potential = particles.Gupta(FLAGS.elements[0] if len(FLAGS.elements) == 1 else FLAGS.elements)
    number = potential.num_particles or FLAGS.num_particles
    if number is None or FLAGS.num_particles not in (None, number):
        raise errors.InvalidArgumentError(
            f"Expected --num_particles{f'={number}, one for each of --elements' if number else ''}. "
            f"Received: {FLAGS.num_particles}."
        )
    return potential, number


def search(potential, number):
    """The `Minimized` of all starts, batch by batch; the last batch is filled up, so that all have one shape."""
    import numpy as np

    from keras_hparam.learned_optimizers import particles

    size = min(FLAGS.batch_size, FLAGS.starts)
    batches = -(-FLAGS.starts // size)
    starts = particles.random_ball(batches * size, number, FLAGS.seed, potential.length)
    found = [
        particles.minimize(
            potential, part, FLAGS.steps, weights=FLAGS.weights or None,
            quench=None if FLAGS.quench == "none" else FLAGS.quench,
        )
        for part in np.split(starts, batches)
    ]  # fmt: skip
    names = ("positions", "energies", "evaluations", "converged")
    return {name: np.concatenate([getattr(part, name) for part in found])[: FLAGS.starts] for name in names}


def distinct(energies):
    """List of (index of the lowest, how many) of the groups of equal energies, the lowest first."""
    import numpy as np

    order, groups = np.argsort(energies), []
    for index in order:
        if groups and energies[index] - energies[groups[-1][-1]] < FLAGS.same_energy:
            groups[-1].append(index)
        else:
            groups.append([index])
    return [(group[0], len(group)) for group in groups]


def main(argv):
    """Searches, prints the energies, writes the file."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    from keras_hparam.learned_optimizers import particles

    potential, number = make_potential()
    found = search(potential, number)
    groups = distinct(found["energies"])
    print(f"{potential.name}, {number} particles: {FLAGS.starts} starts, {len(groups)} distinct energies")
    print(f"evaluations: {found['evaluations'].sum():,}, {found['evaluations'].mean():.0f} a start")
    print(f"{'energy':>14}  starts  evaluations a hit")
    for index, count in groups[: FLAGS.keep]:
        print(f"{found['energies'][index]:>14.6f}  {count:>6}  {found['evaluations'].sum() / count:>17,.0f}")
    if FLAGS.output:
        best = [index for index, _ in groups[: FLAGS.keep]]
        particles.write_xyz(FLAGS.output, found["positions"][best], potential.elements, found["energies"][best])
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
