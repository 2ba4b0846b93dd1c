"""Clusters by name, and the figures of the particles benchmark: hits and evaluations per hit."""

import numpy as np

from benchmarks import particle_peers
from keras_hparam.learned_optimizers import particles
from keras_hparam.learned_optimizers.particles import minima

NUM_BOOTSTRAP = 2000


def make_problem(name):
    """The `Problem` of a name."""
    kind, number = name.rsplit("_", 1)
    if kind == "lennard_jones":
        return particle_peers.Problem(particles.LennardJones(), int(number), minima.LENNARD_JONES[int(number)])
    if kind == "stillinger_weber":
        return particle_peers.Problem(particles.StillingerWeber(), int(number))
    return particle_peers.Problem(particles.Gupta(kind.removeprefix("gupta_")), int(number))


def of_tries(cell, minimum, tolerance):
    """Dict with `tries`, `hits`, `per_hit`, its `interval` over tries (an end is None without hits), and `per_try`."""
    hits = np.asarray(cell["energies"]) < minimum + tolerance
    evaluations = np.asarray(cell["evaluations"], "float64")
    drawn = np.random.default_rng(0).integers(len(hits), size=(NUM_BOOTSTRAP, len(hits)))
    sums, counts = evaluations[drawn].sum(axis=1), hits[drawn].sum(axis=1)
    ratios = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    interval = [float(end) if np.isfinite(end) else None for end in np.quantile(ratios, [0.025, 0.975], method="lower")]
    per_hit = float(evaluations.sum() / hits.sum()) if hits.any() else None
    found = {"tries": len(hits), "hits": int(hits.sum()), "per_hit": per_hit, "interval": interval}
    return found | {"per_try": float(evaluations.mean())}


def row(method, found):
    """The cells of a line of the table."""
    low, high = ("∞" if end is None else f"{end:,.0f}" for end in found["interval"])
    per_hit = "–" if found["per_hit"] is None else f"{found['per_hit']:,.0f} [{low}, {high}]"
    return [method, f"{found['hits']} of {found['tries']}", f"{found['per_try']:,.0f}", per_hit]
