"""Batches of clusters in parts that fit a core's cache, on as many threads as there are cores.

XLA runs a loop on one core; a whole batch leaves the other cores idle and its own for memory.

Axes: B clusters, N particles.
"""

import concurrent.futures
import os

import keras
import numpy as np

_PAIRS = 30_000  # of all clusters of a part: measured with 13 particles, 100 to 250 clusters are about as fast
_LEAST = 4


def size_of(batch, particles):
    """How many clusters of a batch run at once: as many as fit a core's cache, or all where there is an accelerator.

    Args:
        batch: int, B.
        particles: int, N.
    """
    if any(not device.lower().startswith("cpu") for device in keras.distribution.list_devices()):
        return batch
    return min(batch, max(_LEAST, _PAIRS // particles**2))


def map_parts(function, clusters, size):
    """The results of a function of `size` clusters, for all of them.

    Args:
        function: of an array [size, …]; gives a tuple of arrays [size, …]. It runs in several threads.
        clusters: array [B, …], B ≥ 1; the last part is filled up with its last cluster.
        size: int ≥ 1.

    Returns:
        Tuple of arrays [B, …].

    Example:
        >>> map_parts(lambda x: (2 * x,), np.arange(5), size=2)
        (array([0, 2, 4, 6, 8]),)
    """
    number = len(clusters)
    filled = clusters[np.minimum(np.arange(-(-number // size) * size), number - 1)]
    parts = np.split(filled, len(filled) // size)
    if len(parts) == 1:
        return tuple(np.asarray(part)[:number] for part in function(parts[0]))
    with concurrent.futures.ThreadPoolExecutor(_cores()) as pool:
        found = list(pool.map(lambda part: [np.asarray(one) for one in function(part)], parts))
    return tuple(np.concatenate(columns)[:number] for columns in zip(*found, strict=True))


def _cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
