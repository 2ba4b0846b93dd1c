"""Gradients from losses at perturbed parameters: evolution strategies with antithetic pairs, clipped and persistent.

A population is θ, then θ + ε_k of all pairs, then θ − ε_k of all pairs. Every candidate has a loss on each of the same
samples (tasks with their random numbers); a loss that is not finite counts as +∞.

Sources: Merchant et al. 2021, Learn2Hop, and US20220253704A1, claims 2 to 5 (clipping by the loss at θ);
Salimans et al. 2017, arXiv 1703.03864 (antithetic evolution strategies); Vicol, Metz and Sohl-Dickstein 2021,
arXiv 2112.13835 (persistent evolution strategies).

Axes: P parameters, K pairs, B samples.
"""

from keras import ops


def antithetic(theta, perturbations):
    """The population of all pairs: float [1 + 2K, P].

    Args:
        theta: float [P], the current parameters.
        perturbations: float [K, P], ε.

    Example:
        >>> antithetic([1.0], [[0.5]])
        [[1.0], [1.5], [0.5]]
    """
    theta, perturbations = ops.convert_to_tensor(theta), ops.convert_to_tensor(perturbations)
    return ops.concatenate([theta[None], theta + perturbations, theta - perturbations], axis=0)


def clip_losses(loss, plus, minus):
    """Losses of the candidates, at most that of the current parameters: min(L(θ), L(θ ± ε)).

    What is not finite counts as +∞ before it is clipped. Where L(θ) itself is not finite there is nothing to clip by:
    the sample weighs 0.

    Args:
        loss: float [B], L(θ).
        plus, minus: float [K, B], L(θ + ε_k) and L(θ − ε_k).

    Returns:
        (plus, minus, weights): float [K, B], all finite; weights are 1 or 0, see `gradient`.

    Source: US20220253704A1, claims 3 and 4.

    Example:
        >>> clip_losses([1.0, np.nan], [[3.0, 1.0]], [[0.5, 1.0]])
        [[1.0, 0.0]], [[0.5, 0.0]], [[1.0, 0.0]]
    """
    loss, plus, minus = (ops.convert_to_tensor(losses) for losses in (loss, plus, minus))
    counts = ops.isfinite(loss)
    limit = ops.where(counts, loss, 0.0)
    plus, minus = (ops.where(counts & ops.isfinite(x), ops.minimum(limit, x), limit) for x in (plus, minus))
    return plus, minus, ops.broadcast_to(ops.cast(counts, plus.dtype), ops.shape(plus))


def finite_losses(plus, minus):
    """The losses as they are: where one of a pair is not finite, the pair weighs 0 on that sample.

    Args:
        plus, minus: float [K, B], L(θ + ε_k) and L(θ − ε_k).

    Returns:
        (plus, minus, weights): float [K, B], all finite; weights are 1 or 0, see `gradient`.

    Example:
        >>> finite_losses([[3.0, 1.0]], [[0.5, np.inf]])
        [[3.0, 0.0]], [[0.5, 0.0]], [[1.0, 0.0]]
    """
    plus, minus = ops.convert_to_tensor(plus), ops.convert_to_tensor(minus)
    counts = ops.isfinite(plus) & ops.isfinite(minus)
    return ops.where(counts, plus, 0.0), ops.where(counts, minus, 0.0), ops.cast(counts, plus.dtype)


def gradient(perturbations, plus, minus, weights, sigma):
    """The estimate (L₊ − L₋) / (2σ²) · ε, the mean over pairs and samples by weight: float [P].

    With the losses as they are its expectation is the gradient of E[L(θ + ε)], the loss smoothed by N(0, σ²). Clipped
    (`clip_losses`) it is the estimate of claim 4, about half of that where the loss is linear within σ.

    For persistent evolution strategies the losses are those of the latest truncation, and `perturbations` are the sums
    of all since the trajectories began, each pair going on with its own two: the estimates of all truncations add up
    to the gradient of the whole trajectory's loss.

    Args:
        perturbations: float [K, P], ε ~ N(0, σ²), or such sums.
        plus, minus: float [K, B], finite.
        weights: float [K, B], >= 0; if all are 0, so is the estimate.
        sigma: float > 0, σ.

    Source: US20220253704A1, claim 4; Vicol et al. 2021, equation 10 with antithetic pairs.

    Example:
        >>> gradient([[0.1]], [[1.2]], [[0.8]], [[1.0]], sigma=0.1)
        [2.0]
    """
    perturbations, plus, minus, weights = (ops.convert_to_tensor(x) for x in (perturbations, plus, minus, weights))
    differences = ops.sum(weights * (plus - minus), axis=1)  # [K]
    total = ops.sum(weights)
    scale = 2.0 * sigma**2 * ops.where(total > 0, total, 1.0)
    return ops.matmul(differences, perturbations) / scale
