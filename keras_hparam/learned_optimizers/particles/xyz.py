"""Clusters as XYZ files, which viewers such as VMD, OVITO, Jmol and ASE open.

Axes: B clusters, N particles, 3 coordinates.
"""

import pathlib

import numpy as np

from keras_hparam import atomic, errors


def write_xyz(path, positions, elements="X", energies=None):
    """Writes clusters as the frames of one file, atomically.

    Args:
        path: the file, usually *.xyz.
        positions: float [B, N, 3] or [N, 3], in the unit that the viewer expects, usually Å.
        elements: one symbol for all particles, or N of them.
        energies: float [B] for the comment lines, or None.

    Raises:
        InvalidArgumentError: for positions of another shape or that are not finite, or numbers of elements or energies
            that do not fit.

    Example:

    ```python
    write_xyz("clusters.xyz", found.positions, "Ar", found.energies)
    ```
    """
    frames = np.asarray(positions, "float64")
    frames = frames[None] if frames.ndim == 2 else frames
    if frames.ndim != 3 or frames.shape[-1] != 3 or not np.isfinite(frames).all():
        raise errors.InvalidArgumentError(
            f"Expected `positions` to be finite [B, N, 3] or [N, 3]. Received: shape {np.shape(positions)}."
        )
    symbols = [elements] * frames.shape[1] if isinstance(elements, str) else list(elements)
    if len(symbols) != frames.shape[1]:
        raise errors.InvalidArgumentError(f"Expected {frames.shape[1]} `elements`. Received: {len(symbols)}.")
    if energies is not None and np.size(energies) != len(frames):
        raise errors.InvalidArgumentError(f"Expected {len(frames)} `energies`. Received: {np.size(energies)}.")
    comments = [""] * len(frames) if energies is None else [f"energy={float(e):.9g}" for e in np.ravel(energies)]
    text = "".join(_frame(symbols, frame, comment) for frame, comment in zip(frames, comments, strict=True))
    atomic.write_bytes(path, text.encode())


def _frame(symbols, positions, comment):
    rows = [f"{symbol} {x:.9g} {y:.9g} {z:.9g}" for symbol, (x, y, z) in zip(symbols, positions, strict=True)]
    return "\n".join([str(len(rows)), comment, *rows]) + "\n"


def read_xyz(path):
    """(positions float64 [B, N, 3], list of N symbols) of a file of equally large frames.

    Args:
        path: the file.

    Raises:
        CorruptFileError: if the file is none, or its frames differ in their particles.

    Example:

    ```python
    positions, symbols = read_xyz("clusters.xyz")
    ```
    """
    content, frames, kinds, start = pathlib.Path(path).read_bytes(), [], [], 0
    try:
        lines = content.decode().splitlines()
        while start < len(lines) and lines[start].strip():
            count = int(lines[start])
            rows = [line.split() for line in lines[start + 2 : start + 2 + count]]
            if count < 1 or len(rows) != count:
                raise ValueError(f"a frame of {len(rows)} of {count} particles")
            kinds.append([row[0] for row in rows])
            frames.append([[float(number) for number in row[1:4]] for row in rows])
            start += 2 + count
        if not frames or any(kind != kinds[0] for kind in kinds):
            raise ValueError(f"{len(frames)} frames" + (" of different particles" if frames else ""))
        positions = np.array(frames, "float64").reshape(len(frames), len(kinds[0]), 3)
        if not np.isfinite(positions).all():
            raise ValueError("coordinates that are not finite")
        return positions, kinds[0]
    except (ValueError, IndexError) as error:
        raise errors.CorruptFileError(
            f"Expected {path} to be an XYZ file of equal frames. Received: {error}."
        ) from error
