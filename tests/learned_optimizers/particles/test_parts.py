"""Batches in parts: the same results in the same order, whatever the size of the parts."""

import threading

import numpy as np
import pytest

from keras_hparam.learned_optimizers.particles import parts


@pytest.mark.parametrize("batch, size", [(1, 1), (5, 2), (6, 3), (7, 7), (3, 8), (257, 16)])
def test_gives_what_the_function_gives_of_each_cluster(batch, size):
    clusters = np.random.default_rng(0).normal(size=(batch, 4, 3))
    shapes = set()

    def function(part):
        shapes.add(part.shape)
        return part * 2, part.sum(axis=(1, 2))

    doubled, sums = parts.map_parts(function, clusters, size)
    np.testing.assert_array_equal(doubled, clusters * 2)
    np.testing.assert_array_equal(sums, clusters.sum(axis=(1, 2)))
    assert shapes == {(size, 4, 3)}  # so that one program is compiled


def test_an_error_in_a_part_is_the_caller_s():
    def function(part):
        if part[0, 0, 0] == 2:
            raise ValueError("the third")
        return (part,)

    with pytest.raises(ValueError, match="the third"):
        parts.map_parts(function, np.arange(5.0).reshape(5, 1, 1), 1)


def test_parts_run_at_the_same_time(monkeypatch):
    monkeypatch.setattr(parts, "_cores", lambda: 2)
    both = threading.Barrier(2, timeout=30)

    def function(part):
        both.wait()  # breaks unless two threads come
        return (part,)

    (found,) = parts.map_parts(function, np.arange(2.0), 1)
    np.testing.assert_array_equal(found, [0.0, 1.0])


def test_large_clusters_go_in_small_parts():
    sizes = [parts.size_of(1024, particles) for particles in (7, 13, 38, 150)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] >= 1
    assert parts.size_of(3, 13) == 3
