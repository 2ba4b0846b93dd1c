"""Acquisition functions of a predicted objective, larger is better. Pure functions of `keras.ops`.

A prediction is either binned, probabilities [..., N] of `values` [N], or Gaussian, `mean` [...] and `deviation` [...].
Probabilities may sum to less than 1: what is missing is a failure, which improves nothing and, where a failure must
have a value, has the lowest one. Where the functions have gradients they are exact, in the tails too.

Axes: … any leading axes, N bins of a distribution, ascending and equally spaced.
"""

import math

import keras
from keras import ops

_TAIL = -2.0  # below it, normal tails come from a continued fraction; above, from the error function
_TAIL_TERMS = 40


def expected_improvement(probabilities, values, best, largest_gain=None):
    """E[min(max(0, y − best), g)] [...] of a binned distribution; without g, the plain expected improvement.

    A bound g keeps a thin, badly predicted upper tail from outweighing candidates that are likely to be better. As g
    falls to 0, the order of candidates becomes that of the probability of improvement.

    Args:
        probabilities: float [..., N].
        values: float [N], the value that each bin stands for.
        best: float, the best value so far.
        largest_gain: g > 0, or None for no bound.

    Source: Močkus 1975; Jones, Schonlau & Welch 1998, Efficient Global Optimization, equation 14; on bins: Chen et al.
    2022, arXiv 2205.13320, section 4.3.

    Example:
        >>> float(expected_improvement([0.1, 0.4, 0.5], [0.2, 0.6, 1.0], best=0.5))  # 0.4 * 0.1 + 0.5 * 0.5
        0.29
    """
    probabilities, values = _tensors(probabilities, values)
    gain = ops.maximum(values - best, 0.0)
    if largest_gain is not None:
        gain = ops.minimum(gain, largest_gain)
    return _mean(probabilities, gain)


def probability_of_improvement(probabilities, values, best):
    """P(y > best) [...] of a binned distribution.

    Args:
        probabilities: float [..., N].
        values: float [N].
        best: float, the best value so far.

    Source: Kushner 1964, A new method of locating the maximum point of an arbitrary multipeak curve.
    """
    probabilities, values = _tensors(probabilities, values)
    return _mean(probabilities, ops.cast(values > best, probabilities.dtype))


def upper_confidence_bound(probabilities, values, beta=2.0):
    """mean + beta · deviation [...] of a binned distribution; for a bound by probability see `quantile`.

    Args:
        probabilities: float [..., N]; the mass that is missing has the lowest value.
        values: float [N].
        beta: >= 0, in standard deviations.

    Source: Cox & John 1992; Srinivas et al. 2010, arXiv 0912.3995.
    """
    probabilities, values = _tensors(probabilities, values)
    lowest = ops.min(values)
    above = values - lowest
    mean = _mean(probabilities, above)
    squared = ops.square(above - mean[..., None])
    missing = 1.0 - ops.sum(probabilities, axis=-1)
    variance = ops.sum(probabilities * squared, axis=-1) + ops.maximum(missing, 0.0) * ops.square(mean)
    varies = variance > 0.0  # the root has no derivative at 0
    deviation = ops.where(varies, ops.sqrt(ops.where(varies, variance, 1.0)), 0.0)
    return lowest + mean + beta * deviation


def quantile(probabilities, values, level):
    """The value [...] below which a binned distribution has the mass `level`.

    The mass of a bin is spread evenly over it, so that the quantile is continuous in the level and has a gradient with
    respect to the probabilities. Of the mass that is missing it is the lower end of the lowest bin. A quantile near 1
    is an upper confidence bound by probability.

    Args:
        probabilities: float [..., N].
        values: float [N], the bins' centres; N > 1.
        level: float [...] or number in [0, 1].

    Source: for bounds, Kaufmann, Cappé & Garivier 2012, On Bayesian upper confidence bounds for bandit problems.
    """
    probabilities, values = _tensors(probabilities, values)
    width = values[1] - values[0]
    cumulative = ops.cumsum(probabilities, axis=-1)
    missing = ops.maximum(1.0 - cumulative[..., -1:], 0.0)
    before = missing + cumulative - probabilities  # mass below each bin
    wanted = ops.convert_to_tensor(level, probabilities.dtype)[..., None] - before
    share = wanted / ops.where(probabilities > 0.0, probabilities, 1.0)  # of each bin that lies below the quantile
    share = ops.where(probabilities > 0.0, share, ops.sign(wanted))
    return values[0] + width * (ops.sum(ops.clip(share, 0.0, 1.0), axis=-1) - 0.5)


def thompson_sample(probabilities, values, seed):
    """One draw [...] from each binned distribution, independent of one another.

    Args:
        probabilities: float [..., N]; the mass that is missing draws the lowest value.
        values: float [N], the bins' centres; N > 1.
        seed: int, or a `keras.random.SeedGenerator`; an int gives the same draw again.

    Source: Thompson 1933, On the likelihood that one unknown probability exceeds another in view of the evidence of
    two samples.
    """
    probabilities, values = _tensors(probabilities, values)
    level = keras.random.uniform(ops.shape(probabilities)[:-1], seed=seed, dtype=probabilities.dtype)
    return quantile(probabilities, values, level)


def gaussian_expected_improvement(mean, deviation, best, largest_gain=None):
    """`expected_improvement` [...] of normal distributions, in closed form.

    Args:
        mean, deviation: float [...]; deviation > 0.
        best: float, the best value so far.
        largest_gain: g > 0, or None for no bound.

    Source: Jones, Schonlau & Welch 1998, equation 15. The bound: E[min(max(0, y − b), g)] = EI(b) − EI(b + g).
    """
    improvement = deviation * _normal_tails((mean - best) / deviation)[1]
    if largest_gain is None:
        return improvement
    return improvement - deviation * _normal_tails((mean - best - largest_gain) / deviation)[1]


def gaussian_probability_of_improvement(mean, deviation, best):
    """`probability_of_improvement` [...] of normal distributions; deviation > 0.

    Source: Kushner 1964.
    """
    return _normal_tails((mean - best) / deviation)[0]


def gaussian_upper_confidence_bound(mean, deviation, beta=2.0):
    """`upper_confidence_bound` [...] of normal distributions; beta in standard deviations.

    Source: Srinivas et al. 2010, arXiv 0912.3995.
    """
    return mean + beta * deviation


def gaussian_thompson_sample(mean, deviation, seed):
    """One draw [...] from each normal distribution; seed as in `thompson_sample`.

    Source: Thompson 1933.
    """
    mean = ops.convert_to_tensor(mean)
    return mean + deviation * keras.random.normal(ops.shape(mean), seed=seed, dtype=mean.dtype)


def _tensors(probabilities, values):
    """Both as tensors of one type."""
    probabilities = ops.convert_to_tensor(probabilities)
    return probabilities, ops.convert_to_tensor(values, probabilities.dtype)


def _mean(probabilities, values):
    """Σ p v [...], as a product of matrices."""
    return ops.matmul(probabilities, values[..., None])[..., 0]


def _normal_tails(z):
    """(Φ(z), φ(z) + z Φ(z)) of the standard normal density φ and its integral Φ, without cancellation for z << 0.

    Below `_TAIL`, with x = −z, Φ = φ / (x + K) and φ − x Φ = φ K / (x + K), K = 1 / (x + 2 / (x + 3 / (x + …))):
    Laplace's continued fraction of the Mills ratio.
    """
    z = ops.convert_to_tensor(z)
    is_tail = z < _TAIL
    inside, x = ops.maximum(z, _TAIL), ops.maximum(-z, -_TAIL)
    cumulative = 0.5 * (1.0 + ops.erf(inside / math.sqrt(2.0)))
    fraction = ops.zeros_like(x)
    for term in range(_TAIL_TERMS, 0, -1):
        fraction = term / (x + fraction)
    tail = _normal_density(x) / (x + fraction)
    gain = _normal_density(inside) + inside * cumulative
    return ops.where(is_tail, tail, cumulative), ops.where(is_tail, tail * fraction, gain)


def _normal_density(z):
    return ops.exp(-0.5 * ops.square(z)) / math.sqrt(2.0 * math.pi)
