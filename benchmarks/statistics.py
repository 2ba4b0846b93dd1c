"""From cells to figures: regret and rank with intervals, differences, latencies.

Axes: P peers, R repeats (a problem with a seed), T trials, H horizons, B bootstrap samples. Only repeats that every
peer has finished are compared; every problem counts the same.
"""

import numpy as np

from benchmarks import reference

HORIZONS = (10, 25, 50, 100)
LATENCY_TRIALS = (10, 50, 100)
NUM_BOOTSTRAP = 4000
LEVEL = 0.95


def align(cells, references, signs, num_trials):
    """Regret curves, aligned.

    Args:
        cells: list of cells.
        references: dict of references by problem name.
        signs: dict of signs by problem name.
        num_trials: T; a search that stopped earlier keeps its last regret.

    Returns:
        (peers, repeats, curves [P, R, T]); repeats are pairs (problem name, seed).
    """
    found = {}
    for cell in cells:
        name = cell["problem"]
        curve = reference.regret(cell["objectives"][:num_trials], references[name], signs[name])
        padded = np.pad(curve, (0, num_trials - len(curve)), mode="edge")
        found.setdefault(cell["peer"], {})[name, cell["seed"]] = padded
    peers = list(found)
    repeats = sorted(set.intersection(*(set(found[peer]) for peer in peers))) if peers else []
    curves = [[found[peer][repeat] for repeat in repeats] for peer in peers]
    return peers, repeats, np.reshape(curves, (len(peers), len(repeats), num_trials))


def ranks(values):
    """Ranks [P, ...] of values [P, ...] among the P peers, 1 the smallest, ties averaged."""
    smaller = np.sum(values[None] < values[:, None], axis=1)
    equal = np.sum(values[None] == values[:, None], axis=1)
    return smaller + (equal + 1) / 2


def mean_weights(repeats):
    """Weights [R] of the mean over problems of each problem's mean over seeds."""
    problems = [problem for problem, _ in repeats]
    return np.array([1 / (len(set(problems)) * problems.count(problem)) for problem in problems])


def bootstrap_weights(repeats, num_samples=NUM_BOOTSTRAP, seed=0):
    """Weights [B, R] of bootstrap means: problems are drawn with replacement, then seeds within each drawn problem.

    Efron & Tibshirani 1993, "An Introduction to the Bootstrap". One draw serves all peers, so that differences between
    peers are paired.
    """
    rng = np.random.default_rng(seed)
    members = {}
    for index, (problem, _) in enumerate(repeats):
        members.setdefault(problem, []).append(index)
    drawn = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=num_samples)  # [B, problems]
    weights = np.zeros((num_samples, len(repeats)))
    for times, indices in zip(drawn.T, members.values(), strict=True):
        seeds = rng.multinomial(times * len(indices), np.full(len(indices), 1 / len(indices)))  # [B, seeds]
        weights[:, indices] = seeds / (len(members) * len(indices))
    return weights


class Means:
    """Means over repeats with their bootstrap intervals.

    Args:
        repeats: R pairs (problem name, seed).
    """

    def __init__(self, repeats):
        self._weights, self._samples = mean_weights(repeats), bootstrap_weights(repeats)

    def of(self, values):
        """Dict with the `mean` [...] and the `interval` [..., 2] of values [R, ...], as lists."""
        mean = np.tensordot(self._weights, values, 1)
        samples = np.tensordot(self._samples, values, 1)  # [B, ...]
        low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        return {"mean": mean.tolist(), "interval": np.stack([low, high], axis=-1).tolist()}


def latencies(cells):
    """Median milliseconds of a proposal over cells, by trial number (from 1) as text; trials not reached are absent."""
    result = {}
    for trial in LATENCY_TRIALS:
        reached = [cell["ask_seconds"][trial - 1] for cell in cells if len(cell["ask_seconds"]) >= trial]
        if reached:
            result[str(trial)] = 1000 * float(np.median(reached))
    return result


def figures(cells, references, signs, num_trials, base=None):
    """Figures of one group of problems.

    Args:
        cells: list of cells.
        references, signs: dicts by problem name.
        num_trials: T.
        base: label of the peer that the others are compared with; None or absent: no differences.

    Returns:
        Dict with `num_problems`, `num_repeats`, `horizons`, `base` and, by peer: `regret` and `rank` at the horizons,
        `regret_curve` and `rank_curve` [T], with a base `regret_difference` and `rank_difference` (peer - base), each
        with `mean` and `interval`; `milliseconds` by trial; `illegal` proposals; how many searches `beat_best_known`.
    """
    peers, repeats, curves = align(cells, references, signs, num_trials)
    horizons = [h for h in HORIZONS if h <= num_trials] or [num_trials]
    summary = {"num_problems": len({problem for problem, _ in repeats}), "num_repeats": len(repeats)}
    summary |= {"horizons": horizons, "base": base if base in peers else None, "peers": {}}
    if not repeats:
        return summary
    means, places, at = Means(repeats), ranks(curves), np.array(horizons) - 1
    for p, peer in enumerate(peers):
        own = [cell for cell in cells if cell["peer"] == peer]
        found = {}
        for name, values in (("regret", curves), ("rank", places)):
            found[name], found[f"{name}_curve"] = means.of(values[p][:, at]), means.of(values[p])
            if summary["base"] and peer != base:
                found[f"{name}_difference"] = means.of((values[p] - values[peers.index(base)])[:, at])
        better = (signs[c["problem"]] * (np.array(c["objectives"]) - references[c["problem"]]["best"]) for c in own)
        found["milliseconds"] = latencies(own)
        found["illegal"] = sum(cell["illegal"] for cell in own)
        found["beat_best_known"] = sum(bool(np.any(difference > 1e-9)) for difference in better)
        summary["peers"][peer] = found
    return summary


def summarise(cells, problems, references, num_trials, base=None):
    """`figures` of all problems ("overall"), then of each suite if there are several, in a dict."""
    signs = {problem.name: problem.sign for problem in problems}
    suites = dict.fromkeys(problem.suite for problem in problems)
    groups = {"overall": cells} if len(suites) > 1 else {}
    groups |= {suite: [cell for cell in cells if cell["suite"] == suite] for suite in suites}
    return {name: figures(chosen, references, signs, num_trials, base) for name, chosen in groups.items()}
