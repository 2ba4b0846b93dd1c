"""Gaussian process regression on mixed spaces: kernel, marginal likelihood, posterior. Pure functions, NumPy float64.

Axes: T observations, N points, M other points, D coordinates. A numeric coordinate lies in [0, 1], a categorical one is
the index of a category, and any coordinate is negative where it is inactive.

The hyperparameters are one vector [D + 2]: the logarithms of D length scales, of the signal variance (of the latent
function) and of the noise variance. The mean is zero: standardise the observations.

Example:
    >>> is_categorical, hyperparameters = np.array([False]), np.log([0.3, 1.0, 1e-4])
    >>> x, y, new = np.array([[0.2], [0.8]]), np.array([-1.0, 1.0]), np.array([[0.5]])
    >>> fitted = factorize(y, distances(x, x, is_categorical), is_categorical, hyperparameters)
    >>> mean, variance = posterior(*fitted, distances(x, new, is_categorical), is_categorical, hyperparameters)
    >>> bool(abs(mean[0]) < 1e-9 < variance[0] < 1.0)
    True
"""

import numpy as np
from scipy.linalg import lapack, solve_triangular

CENTRE = 0.5  # where an inactive numeric coordinate lies, at distance 1 in a direction of its own


def distances(a, b, is_categorical):
    """Distances [D, N, M] in each coordinate between points [N, D] and [M, D].

    A numeric coordinate gives the squared Euclidean distance of its embedding in the plane, (x, 0) where it is active
    and (1/2, 1) where it is not: two inactive ones are at 0, an active and an inactive one at 1 to 5/4. A categorical
    one gives the Hamming distance, 0 or 1, inactive being a category of its own. Kernels of such distances stay
    positive definite.

    Args:
        a, b: floats [N, D] and [M, D].
        is_categorical: bool [D].

    Source: Hutter & Osborne 2013, arXiv 1310.5738 (a kernel for conditional parameter spaces; simplified).
    """
    a, b = np.asarray(a, float).T, np.asarray(b, float).T
    result = np.empty((len(a), a.shape[1], b.shape[1]))
    for d, out in enumerate(result):
        if is_categorical[d]:
            np.not_equal.outer(np.maximum(a[d], -1), np.maximum(b[d], -1), out=out, casting="unsafe")
            continue
        inactive = a[d] < 0, b[d] < 0
        np.subtract.outer(*(np.where(off, CENTRE, x[d]) for off, x in zip(inactive, (a, b), strict=True)), out=out)
        out *= out
        if inactive[0].any() or inactive[1].any():
            out += np.not_equal.outer(*inactive)
    return result


def _weights(log_length_scales, is_categorical):
    """[2, D]: what multiplies the squared distances of numeric coordinates and the Hamming distances of the others."""
    weights = np.zeros((2, len(log_length_scales)))
    np.exp(-2.0 * log_length_scales, where=~is_categorical, out=weights[0])
    np.exp(-log_length_scales, where=is_categorical, out=weights[1])
    return weights


def _matern(distance, weights):
    """The parts of a kernel of unit variance, each [...]: sqrt(5) r, 5 r^2 / 3 and exp(-sqrt(5) r - h)."""
    square, hamming = np.tensordot(weights, distance, axes=1)
    root = np.sqrt(5.0 * square)
    return root, square * (5.0 / 3.0), np.exp(-root - hamming)


def covariance(distance, is_categorical, hyperparameters):
    """Covariance [N, M] of the latent function.

    s (1 + sqrt(5) r + 5 r^2 / 3) exp(-sqrt(5) r) exp(-h): a Matern 5/2 kernel with a length scale l_d for each numeric
    coordinate, r^2 = sum_d distance_d / l_d^2, times an exponential kernel of the weighted Hamming distance of the
    categorical ones, h = sum_d distance_d / l_d.

    Args:
        distance: float [D, N, M], of `distances`.
        is_categorical: bool [D].
        hyperparameters: float [D + 2].

    Source: Rasmussen & Williams 2006, equation 4.17; Wan et al. 2021, arXiv 2102.07188 (categories).
    """
    root, third, decay = _matern(distance, _weights(hyperparameters[:-2], is_categorical))
    return np.exp(hyperparameters[-2]) * (1.0 + root + third) * decay


def log_marginal_likelihood(y, distance, is_categorical, hyperparameters):
    """(log p(y), its gradient [D + 2] by the hyperparameters, that is, by logarithms, and its gradient [T] by y).

    Args:
        y: float [T].
        distance: float [D, T, T].
        is_categorical: bool [D].
        hyperparameters: float [D + 2].

    Raises:
        numpy.linalg.LinAlgError: if the covariance of the observations is singular in float64.

    Source: Rasmussen & Williams 2006, equations 5.8 and 5.9.
    """
    signal, noise = np.exp(hyperparameters[-2:])
    weights = _weights(hyperparameters[:-2], is_categorical)
    root, third, decay = _matern(distance, weights)
    decay *= signal
    kernel = (1.0 + root + third) * decay
    factor = _cholesky(kernel, noise)
    alpha = _solve_lower(factor, _solve_lower(factor, y), transposed=True)
    value = -0.5 * y @ alpha - np.log(np.diagonal(factor)).sum() - 0.5 * len(y) * np.log(2.0 * np.pi)
    inverse = _inverse(factor)
    fit, trace = alpha @ alpha, np.trace(inverse)
    # The kernel's derivatives are symmetric with a zero diagonal: the lower triangle of the inverse counts twice.
    half = 0.5 * np.outer(alpha, alpha) - inverse
    parts = np.stack([(1.0 + root) * decay * half * (5.0 / 3.0), kernel * half])  # [2, T, T]
    flat = distance.reshape(len(distance), parts[0].size)
    scales = ((flat @ parts.reshape(2, parts[0].size).T) * weights.T).sum(axis=1)
    both = 0.5 * np.array([y @ alpha - noise * fit - len(y) + noise * trace, noise * (fit - trace)])
    return value, np.concatenate([scales, both]), -alpha


def log_prior(hyperparameters, mean, deviation):
    """(log density, its gradient [D + 2]) of independent normal laws of the hyperparameters, without its constant.

    The laws of the length scales and variances themselves are log-normal.

    Args:
        hyperparameters, mean, deviation: float [D + 2].
    """
    z = (hyperparameters - mean) / deviation
    return -0.5 * z @ z, -z / deviation


def factorize(y, distance, is_categorical, hyperparameters):
    """(L [T, T], alpha [T]): the lower Cholesky factor of the covariance K of the observations, and K^-1 y.

    Raises:
        numpy.linalg.LinAlgError: if the covariance is singular in float64.
    """
    factor = _cholesky(covariance(distance, is_categorical, hyperparameters), np.exp(hyperparameters[-1]))
    return factor, _solve_lower(factor, _solve_lower(factor, y), transposed=True)


def posterior(factor, alpha, distance, is_categorical, hyperparameters):
    """(mean [N], variance [N]) of the latent function at N points.

    Args:
        factor, alpha: of `factorize`.
        distance: float [D, T, N], of the T observations from the N points.
        is_categorical: bool [D].
        hyperparameters: float [D + 2].

    Source: Rasmussen & Williams 2006, algorithm 2.1.
    """
    cross = covariance(distance, is_categorical, hyperparameters)  # [T, N]
    half = _solve_lower(factor, cross)
    variance = np.exp(hyperparameters[-2]) - np.einsum("tn,tn->n", half, half)
    return alpha @ cross, np.maximum(variance, 0.0)


def sequential_moments(factor, y):
    """(mean [T], variance [T]) of each observation given those before it: the prequential view of the likelihood.

    With z = L^-1 y, the t-th residual is L_tt z_t and its variance L_tt^2, so that the log densities sum to the log
    marginal likelihood.

    Source: Dawid 1984, "Statistical theory: the prequential approach".
    """
    diagonal = np.diagonal(factor)
    return y - diagonal * _solve_lower(factor, y), diagonal**2


def leave_one_out_moments(factor, alpha, y):
    """(mean [T], variance [T]) of each observation given all others.

    Source: Rasmussen & Williams 2006, section 5.4.2, equation 5.12.
    """
    variance = 1.0 / np.diagonal(_inverse(factor))
    return y - alpha * variance, variance


def _cholesky(kernel, noise):
    """The lower Cholesky factor of kernel [T, T] + noise I."""
    matrix = kernel.copy(order="F")
    matrix[np.diag_indices_from(matrix)] += noise
    factor, info = lapack.dpotrf(matrix, lower=1, clean=1, overwrite_a=1)
    if info:
        raise np.linalg.LinAlgError(f"Expected a positive definite covariance. Received: info {info} of dpotrf.")
    return factor


def _inverse(factor):
    """The lower triangle of K^-1 [T, T], 0 above."""
    return lapack.dpotri(factor, lower=1)[0] if len(factor) else factor


def _solve_lower(factor, b, transposed=False):
    """L^-1 b [T, ...], or L^-T b; T may be 0."""
    if not len(b):
        return np.zeros_like(b)
    return solve_triangular(factor, b, lower=True, trans=int(transposed), check_finite=False)
