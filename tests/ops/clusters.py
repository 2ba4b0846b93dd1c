"""Clusters in closed form and independent derivatives, for tests of potentials and minimisers."""

import itertools

import numpy as np

GOLDEN = (1.0 + 5.0**0.5) / 2.0


def octahedron(edge):
    """Six atoms [6, 3]."""
    return edge / 2.0**0.5 * np.concatenate([np.eye(3), -np.eye(3)])


def icosahedron(radius):
    """Twelve atoms around one [13, 3]."""
    signs = itertools.product((-1, 1), repeat=2)
    corners = [np.roll((0.0, a, b * GOLDEN), turn) for a, b in signs for turn in range(3)]
    return radius / np.hypot(1.0, GOLDEN) * np.array([(0.0, 0.0, 0.0), *corners])


def diamond(lattice_constant, repetitions):
    """Atoms of the diamond structure [8 · repetitions³, 3] in a cube of repetitions³ cells."""
    face_centred = np.array([(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)])
    cell = np.concatenate([face_centred, face_centred + 0.25])
    corners = np.array(list(itertools.product(range(repetitions), repeat=3)))
    return lattice_constant * (corners[:, None] + cell).reshape(-1, 3)


def random_rotation(rng):
    """An orthogonal matrix [3, 3]."""
    return np.linalg.qr(rng.standard_normal((3, 3)))[0]


def apart(rng, atoms, least, spread):
    """Random positions [atoms, 3], each at least `least` from the others."""
    found = np.zeros((0, 3))
    while len(found) < atoms:
        new = spread * rng.standard_normal(3)
        if all(np.linalg.norm(new - one) > least for one in found):
            found = np.concatenate([found, new[None]])
    return found


def central_differences(energy, positions, step=1e-6):
    """The gradient at float64 positions [N, 3] of an energy that takes batches [..., N, 3]."""
    moves = step * np.eye(positions.size).reshape(*positions.shape, *positions.shape)
    return (np.asarray(energy(positions + moves)) - np.asarray(energy(positions - moves))) / (2.0 * step)
