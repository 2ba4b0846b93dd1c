"""Ways to find the lowest energy of a cluster, the conventional ones among them. All work in reduced units.

A try is an independent attempt from its own random start; it ends with an energy and with the number of evaluations of
energy and gradient that it took, those of quenches included.

Axes: B tries, N particles, 3 coordinates, T steps.
"""

import functools
import time

import numpy as np
from keras import ops

from keras_hparam.distribute import compilation
from keras_hparam.learned_optimizers import particles, weights
from keras_hparam.learned_optimizers.particles import minimization, parts
from keras_hparam.learned_optimizers.particles.rule import shortened
from keras_hparam.ops import fire

QUENCH, QUENCH_ITERATIONS = minimization.QUENCHES["lbfgs"], 500  # the same of all methods
CLIP, LARGEST_STEP = 30.0, 0.25  # of the constant controller
TEMPERATURE, HOP = 0.8, 0.4  # of basin hopping (Wales & Doye 1997)
ADAM_RATES, ADAM_STEPS = np.geomspace(1e-3, 0.5, 12), 200


class Problem:
    """Clusters of one size under one potential.

    Args:
        potential: `particles.Potential`.
        num_particles: int, N.
        minimum: the lowest known energy in the potential's unit, or None: the lowest that any method finds.
        tolerance: an energy within it, in the potential's unit, is a hit.
    """

    def __init__(self, potential, num_particles, minimum=None, tolerance=1e-3):
        self.potential, self.num_particles = potential, num_particles
        self.minimum, self.tolerance = minimum, tolerance
        self.name = f"{potential.name}_{num_particles}"
        self.evaluate = potential.reduced_value_and_gradient

    def starts(self, tries, seed):
        """Reduced random starts [B, N, 3]."""
        return particles.random_ball(tries, self.num_particles, seed)

    def is_hit(self, energies):
        """Whether reduced energies are those of the lowest known minimum."""
        return np.asarray(energies) * self.potential.energy_unit < self.minimum + self.tolerance

    @functools.cached_property
    def quench(self):
        """Compiled L-BFGS of positions [B, N, 3]: (positions, energies, evaluations)."""

        def run(positions):
            found = QUENCH(self.evaluate, positions, max_iterations=QUENCH_ITERATIONS)
            return found.positions, found.energy, found.evaluations

        return compilation.compile(run)


def learned(problem, tries, seed, source="learned-particles"):
    """The optimizer network and its quench."""
    start = problem.starts(tries, seed) * problem.potential.length
    found = particles.minimize(problem.potential, start, weights=source, quench_iterations=QUENCH_ITERATIONS)
    return found.energies / problem.potential.energy_unit, found.evaluations


def untrained(problem, tries, seed, source="learned-particles"):
    """The rule that the network begins as: compression with normalised momentum and a schedule of steps."""
    rule, _ = weights.load(source, particles.ParticleRule)
    return learned(problem, tries, seed, (rule, rule.initial(0)))


def constant_controller(problem, tries, seed, tuning_seconds=15.0):
    """Gradient descent with momentum and a fading pull to the centre; constants by random search on other starts."""

    def run(positions, constants, steps):
        rate, mu, pull = constants[0], constants[1], constants[2]

        def body(step, positions, velocity):
            _, gradients = problem.evaluate(positions)
            centred = positions - ops.mean(positions, axis=-2, keepdims=True)
            fading = pull * (1.0 - ops.cast(step, "float32") / ops.cast(steps, "float32"))
            velocity = mu * velocity - rate * (shortened(gradients, CLIP) + fading * centred)
            return step + 1, centred + shortened(velocity, LARGEST_STEP), velocity

        carry = (ops.zeros((), "int32"), positions, ops.zeros_like(positions))
        _, positions, _ = ops.while_loop(lambda step, *_: step < steps, body, carry)
        found = QUENCH(problem.evaluate, positions, max_iterations=QUENCH_ITERATIONS)
        return found.energy, found.evaluations + steps

    program = compilation.compile(run)

    def attempt(constants, tries, seed):
        start = problem.starts(tries, seed)
        return [ops.convert_to_numpy(part) for part in program(start, constants[:3], np.int32(constants[3]))]

    low, high = np.log([1e-3, 0.05, 1.0, 1.5]), np.log([0.03, 0.95, 100.0, 8.0])
    rng, best, best_cost = np.random.default_rng(seed + 1), None, np.inf
    attempt(np.exp(low).astype("float32"), 64, 0)  # compiles
    began = time.monotonic()
    while time.monotonic() - began < tuning_seconds or best is None:
        constants = np.exp(rng.uniform(low, high)).astype("float32")
        constants[3] *= problem.num_particles
        energies, evaluations = attempt(constants, 64, int(rng.integers(2**31)))
        cost = evaluations.mean() / max(problem.is_hit(energies).mean(), 1e-3)
        if cost < best_cost:
            best, best_cost = constants, cost
    return attempt(best, tries, seed)


def multistart(problem, tries, seed):
    """L-BFGS from random starts (Liu & Nocedal 1989)."""
    _, energies, evaluations = problem.quench(problem.starts(tries, seed))
    return ops.convert_to_numpy(energies), ops.convert_to_numpy(evaluations)


def fire_multistart(problem, tries, seed):
    """FIRE from random starts (Bitzek et al. 2006)."""
    program = compilation.compile(lambda x: tuple(fire.minimize(problem.evaluate, x, max_iterations=2000)))
    _, energies, _, evaluations, _ = program(problem.starts(tries, seed))
    return ops.convert_to_numpy(energies), ops.convert_to_numpy(evaluations)


def adam(problem, tries, seed):
    """Adam and a quench, with the best of 12 rates on other starts (Kingma & Ba 2015)."""

    def run(positions, rate):
        def body(step, positions, first, second):
            _, gradients = problem.evaluate(positions)
            first, second = 0.9 * first + 0.1 * gradients, 0.999 * second + 0.001 * gradients**2
            count = ops.cast(step + 1, "float32")
            change = first / (1.0 - 0.9**count) / (ops.sqrt(second / (1.0 - 0.999**count)) + 1e-8)
            return step + 1, positions - rate * change, first, second

        zeros = ops.zeros_like(positions)
        carry = (ops.zeros((), "int32"), positions, zeros, zeros)
        _, positions, _, _ = ops.while_loop(lambda step, *_: step < ADAM_STEPS, body, carry)
        found = QUENCH(problem.evaluate, positions, max_iterations=QUENCH_ITERATIONS)
        return found.energy, found.evaluations + ADAM_STEPS

    program, other = compilation.compile(run), problem.starts(min(tries, 128), seed + 1)

    def mean_energy(rate):
        energies, _ = program(other, np.float32(rate))
        return float(np.mean(np.sort(ops.convert_to_numpy(energies))[: len(other) // 4]))

    rate = min(ADAM_RATES, key=mean_energy)
    energies, evaluations = program(problem.starts(tries, seed), np.float32(rate))
    return ops.convert_to_numpy(energies), ops.convert_to_numpy(evaluations)


def basin_hopping(problem, tries, seed, budget=20_000):
    """Monte Carlo over minima (Wales & Doye 1997), each try until its first hit or `budget` evaluations.

    Particles move by up to `HOP` each, and the temperature is `TEMPERATURE`, both in reduced units.
    """
    rng = np.random.default_rng(seed)
    positions, energies, evaluations = map(ops.convert_to_numpy, problem.quench(problem.starts(tries, seed)))
    evaluations, lowest = evaluations.astype("int64"), energies.copy()
    while True:
        running = ~problem.is_hit(lowest) & (evaluations < budget)
        if not running.any():
            return lowest, evaluations
        moved = positions + rng.uniform(-HOP, HOP, positions.shape).astype("float32")
        found, new, count = map(ops.convert_to_numpy, problem.quench(moved))
        accepted = running & (rng.random(tries) < np.exp(np.minimum((energies - new) / TEMPERATURE, 0.0)))
        positions = np.where(accepted[:, None, None], found, positions)
        energies = np.where(accepted, new, energies)
        lowest = np.where(running, np.minimum(lowest, new), lowest)
        evaluations = evaluations + running * count


METHODS = {
    method.__name__: method
    for method in (learned, untrained, constant_controller, basin_hopping, multistart, adam, fire_multistart)
}


def steps_per_second(source, num_particles, clusters, seconds=3.0):
    """Steps of the optimizer network on single clusters per second, the potential's evaluations included."""
    rule, theta = weights.load(source, particles.ParticleRule) if source else _wide()
    evaluate = particles.LennardJones().reduced_value_and_gradient
    program = compilation.compile(lambda t, x, n: minimization.trajectory(rule, t, evaluate, x, n)[2])
    start, steps, done = particles.random_ball(clusters, num_particles, 0), np.int32(100), 0
    size = parts.size_of(clusters, num_particles)

    def run():  # as `minimize` does
        parts.map_parts(lambda part: (program(theta, part, steps),), start, size)

    run()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        run()
        done += int(steps) * clusters
    return done / (time.perf_counter() - began)


def _wide():
    rule = particles.ParticleRule(particles.ParticleConfig(widths=(32, 32)))
    return rule, rule.initial(0)
