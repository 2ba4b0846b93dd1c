"""CMA-ES on the unit values of the numeric parameters; categorical ones mutate along.

Hansen 2016, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772, with positive weights only, and restarts with
twice the population (Auger and Hansen 2005, doi 10.1109/CEC.2005.1554902).

A policy is a function of a `Run` that makes all of its trials. Axes: K numeric parameters, L offspring of a generation,
M of them that count, D parameters.
"""

import dataclasses
import math

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.policies.local import hill_climbing

_PARENTS = 5  # best trials from which the categories of offspring come


@dataclasses.dataclass(frozen=True)
class Strategy:
    """The law of the offspring, N(mean, sigma^2 covariance), and its evolution paths.

    Args:
        mean: [K].
        sigma: the step size.
        covariance: [K, K].
        sigma_path, covariance_path: [K], of the step size and of the covariance.
        generation: how many generations it has seen.
    """

    mean: np.ndarray
    sigma: float
    covariance: np.ndarray
    sigma_path: np.ndarray
    covariance_path: np.ndarray
    generation: int = 0

    @classmethod
    def start(cls, mean, sigma):
        """A strategy that knows nothing yet."""
        size = len(mean)
        return cls(np.asarray(mean, float), sigma, np.eye(size), np.zeros(size), np.zeros(size))


def population_size(num_parameters):
    """L, eq. (48): 4 + floor(3 ln K)."""
    return 4 + int(3 * math.log(num_parameters))


def recombination_weights(population):
    """Weights [M] of the best M = floor(L / 2) offspring, eq. (49), scaled to the sum 1."""
    weights = math.log((population + 1) / 2) - np.log(np.arange(1, population // 2 + 1))
    return weights / weights.sum()


def updated(strategy, offspring):
    """The strategy after a generation, eqs. (41) to (47) with the constants of table 1.

    Args:
        strategy: `Strategy`.
        offspring: [L, K], best first, at least 2.
    """
    size = len(strategy.mean)
    weights = recombination_weights(len(offspring))
    steps = (offspring[: len(weights)] - strategy.mean) / strategy.sigma  # [M, K]
    step = weights @ steps
    effective = 1.0 / np.sum(weights**2)
    c_sigma = (effective + 2.0) / (size + effective + 5.0)
    damping = 1.0 + 2.0 * max(0.0, math.sqrt((effective - 1.0) / (size + 1.0)) - 1.0) + c_sigma
    c_path = (4.0 + effective / size) / (size + 4.0 + 2.0 * effective / size)
    c_one = 2.0 / ((size + 1.3) ** 2 + effective)
    c_mu = min(1.0 - c_one, 2.0 * (effective - 2.0 + 1.0 / effective) / ((size + 2.0) ** 2 + effective))
    expected_norm = math.sqrt(size) * (1.0 - 1.0 / (4.0 * size) + 1.0 / (21.0 * size**2))

    eigenvalues, axes = np.linalg.eigh(strategy.covariance)
    whitened = axes @ ((axes.T @ step) / np.sqrt(np.maximum(eigenvalues, 1e-14)))
    sigma_path = (1.0 - c_sigma) * strategy.sigma_path + math.sqrt(c_sigma * (2.0 - c_sigma) * effective) * whitened
    norm = float(np.linalg.norm(sigma_path))
    warm = math.sqrt(1.0 - (1.0 - c_sigma) ** (2 * (strategy.generation + 1)))
    is_calm = norm / warm < (1.4 + 2.0 / (size + 1.0)) * expected_norm
    pushed = math.sqrt(c_path * (2.0 - c_path) * effective) * step if is_calm else 0.0
    path = (1.0 - c_path) * strategy.covariance_path + pushed
    kept = 1.0 - c_one - c_mu + (0.0 if is_calm else c_one * c_path * (2.0 - c_path))
    covariance = kept * strategy.covariance + c_one * np.outer(path, path) + c_mu * (steps.T * weights) @ steps
    return Strategy(
        mean=strategy.mean + strategy.sigma * step,
        sigma=strategy.sigma * math.exp(min(1.0, c_sigma / damping * (norm / expected_norm - 1.0))),
        covariance=covariance,
        sigma_path=sigma_path,
        covariance_path=path,
        generation=strategy.generation + 1,
    )


def sample(rng, strategy, count):
    """`count` offspring [count, K] in the unit cube, reflected at its borders."""
    eigenvalues, axes = np.linalg.eigh(strategy.covariance)
    normal = rng.standard_normal((count, len(strategy.mean)))
    points = strategy.mean + strategy.sigma * (normal * np.sqrt(np.maximum(eigenvalues, 0.0))) @ axes.T
    return 1.0 - np.abs(1.0 - np.mod(points, 2.0))


class _Coding:
    """Between tokens [N, D] and the unit values [N, K] of the numeric parameters with more than one value."""

    def __init__(self, run):
        self._run = run
        parameters = run.space.parameters
        self._legal = [parameter.legal_tokens(run.problem.num_bins) for parameter in parameters]
        self.columns = [d for d, p in enumerate(parameters) if not p.is_categorical and len(self._legal[d]) > 1]

    def tokens(self, points):
        """Tokens [N, D] of points [N, K], with the mutated categories of good trials."""
        run = self._run
        parents = run.best(_PARENTS)
        rows = run.mutate(run.tokens[parents[run.rng.integers(len(parents), size=len(points))]], 0.1)
        filling = np.column_stack([run.rng.choice(legal, len(points)) for legal in self._legal])
        rows = np.where(rows < 0, filling, rows)  # inactive so far, but perhaps not after what follows
        for k, column in enumerate(self.columns):
            legal = self._legal[column]
            borders = 0.5 * (legal[1:] + legal[:-1]) + 0.5
            rows[:, column] = legal[np.searchsorted(borders, points[:, k] * run.problem.num_bins)]
        return run.space.mask_inactive(rows, run.problem.num_bins)

    def points(self, tokens, strategy):
        """Points [N, K] of tokens [N, D]; at the strategy's mean where a parameter is inactive."""
        numeric = tokens[:, self.columns]
        return np.where(numeric >= 0, (numeric + 0.5) / self._run.problem.num_bins, strategy.mean)


def evolution_strategy(run):
    """CMA-ES; hill climbing where there are no numeric parameters."""
    coding = _Coding(run)
    if not coding.columns:
        return hill_climbing(run)
    run.make(run.random(draws.whole_between(run.rng, 1, 5)))
    population = population_size(len(coding.columns))
    sigma = draws.between(run.rng, 0.15, 0.4)
    best = run.tokens[run.best(1)]
    strategy = Strategy.start(np.full(len(coding.columns), 0.5), sigma)
    strategy = Strategy.start(coding.points(best, strategy)[0], sigma)
    while run.left:
        made = np.empty(0, int)
        while run.left and len(made) < population:  # proposals that were made before do not count
            proposals = coding.tokens(sample(run.rng, strategy, population - len(made)))
            made = np.concatenate([made, run.make(proposals)])
        order = made[np.argsort(-run.scores[made], kind="stable")]
        if len(order) > 1:
            strategy = updated(strategy, coding.points(run.tokens[order], strategy))
        if strategy.sigma * math.sqrt(np.linalg.eigvalsh(strategy.covariance)[-1]) < 1.0 / run.problem.num_bins:
            population *= 2
            strategy = Strategy.start(run.rng.random(len(coding.columns)), sigma)
