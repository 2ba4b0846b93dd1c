"""Families of functions: random quadratics, Rastrigin's and Ackley's functions, rotated and shifted.

Axes: M candidates, B instances, D the dimension.
"""

import math

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.tasks.family import TaskFamily


class RotatedFunctions(TaskFamily):
    """Functions of y = Rᵀ (x − shift), 0 at y = 0, with a random rotation R and shift; one parameter x [D].

    A subclass gives `value`. The reference of `normalize` is the loss at the start.

    Args:
        dimension: int >= 1, D.
        spread: float > 0, standard deviation of the starts around 0.
        shift: float >= 0, standard deviation of the minimum around 0.
        rotate: bool, whether R is random, otherwise it is 1.

    Raises:
        InvalidArgumentError: for arguments out of range.
    """

    kind = "function"
    floor = 1e-3

    def __init__(self, dimension=10, spread=1.0, shift=1.0, rotate=True):
        if not isinstance(dimension, int) or dimension < 1:
            raise errors.InvalidArgumentError(f"Expected `dimension` to be an int >= 1. Received: {dimension!r}.")
        if not 0 < spread < math.inf:
            raise errors.InvalidArgumentError(f"Expected `spread` > 0, finite. Received: {spread!r}.")
        if not 0 <= shift < math.inf:
            raise errors.InvalidArgumentError(f"Expected `shift` >= 0, finite. Received: {shift!r}.")
        self.dimension, self.spread, self.shift, self.rotate = dimension, spread, shift, rotate
        self.name = f"{self.kind}-{dimension}"

    def sample(self, rng, batch_size):
        """Dict of "parameters" [B, D], "shift" [B, D], "rotation" [B, D, D], "reference" [B], and `coefficients`."""
        shape = (batch_size, self.dimension)
        rotation = _rotations(rng, *shape) if self.rotate else np.tile(np.eye(self.dimension), (batch_size, 1, 1))
        instances = {
            "parameters": [rng.normal(0, self.spread, shape)], "shift": rng.normal(0, 1, shape) * self.shift,
            "rotation": rotation, **self.coefficients(rng, shape),
        }  # fmt: skip
        instances = {name: _float32(value) for name, value in instances.items()}
        start = [ops.convert_to_tensor(instances["parameters"][0][None])]
        return instances | {"reference": ops.convert_to_numpy(self.loss(start, instances, 0))[0]}

    def coefficients(self, rng, shape):
        """Further arrays [B, …] of an instance, by name."""
        return {}

    def loss(self, parameters, instances, step):
        """The function's values [M, B]; every step has the same."""
        y = ops.einsum("mbd,bde->mbe", parameters[0] - instances["shift"], instances["rotation"])
        return self.value(y, instances)

    def value(self, y, instances):
        """Values [M, B] at y [M, B, D]."""
        raise NotImplementedError


class Quadratics(RotatedFunctions):
    """½ Σ_d λ_d y_d², eigenvalues log-uniform between 1/condition and 1, times a factor for the whole function.

    Args:
        dimension, spread, shift, rotate: as of `RotatedFunctions`.
        condition: float >= 1, the largest ratio of eigenvalues.
        scale: float >= 1; the factor is log-uniform between 1/scale and scale.

    Raises:
        InvalidArgumentError: for arguments out of range.

    Example:

    ```python
    instances = Quadratics(dimension=20, condition=1e4).sample(np.random.default_rng(0), batch_size=8)
    ```
    """

    kind = "quadratic"

    def __init__(self, dimension=10, condition=1e3, scale=10.0, **arguments):
        super().__init__(dimension, **arguments)
        for name, number in (("condition", condition), ("scale", scale)):
            if not 1 <= number < math.inf:
                raise errors.InvalidArgumentError(f"Expected `{name}` >= 1, finite. Received: {number!r}.")
        self.condition, self.scale = condition, scale

    def coefficients(self, rng, shape):
        logs = rng.uniform(-math.log(self.condition), 0, shape)
        factors = rng.uniform(-math.log(self.scale), math.log(self.scale), (shape[0], 1))
        return {"eigenvalues": np.exp(logs + factors)}

    def value(self, y, instances):
        return 0.5 * ops.sum(instances["eigenvalues"] * ops.square(y), axis=-1)


class Rastrigin(RotatedFunctions):
    """Σ_d (y_d² + A (1 − cos 2π y_d)) / D, a parabola with many valleys.

    Args:
        dimension, spread, shift, rotate: as of `RotatedFunctions`.
        amplitude: float >= 0, A.

    Raises:
        InvalidArgumentError: for arguments out of range.

    Source: Rastrigin 1974; Mühlenbein et al. 1991, The parallel genetic algorithm as function optimizer.
    """

    kind = "rastrigin"

    def __init__(self, dimension=10, spread=2.0, amplitude=10.0, **arguments):
        super().__init__(dimension, spread, **arguments)
        if not 0 <= amplitude < math.inf:
            raise errors.InvalidArgumentError(f"Expected `amplitude` >= 0, finite. Received: {amplitude!r}.")
        self.amplitude = amplitude

    def value(self, y, instances):
        return ops.mean(ops.square(y) + self.amplitude * (1.0 - ops.cos(2 * math.pi * y)), axis=-1)


class Ackley(RotatedFunctions):
    """20 (1 − exp(−rms(y) / 5)) + e − exp(mean_d cos 2π y_d), flat far out, with many valleys.

    Args:
        dimension, spread, shift, rotate: as of `RotatedFunctions`.

    Raises:
        InvalidArgumentError: for arguments out of range.

    Source: Ackley 1987, A Connectionist Machine for Genetic Hillclimbing.
    """

    kind = "ackley"

    def __init__(self, dimension=10, spread=4.0, **arguments):
        super().__init__(dimension, spread, **arguments)

    def value(self, y, instances):
        rms = ops.sqrt(ops.mean(ops.square(y), axis=-1) + 1e-12)  # its slope is finite at the minimum
        waves = ops.exp(ops.mean(ops.cos(2 * math.pi * y), axis=-1))
        return 20.0 * (1.0 - ops.exp(-rms / 5.0)) + math.e - waves


def _rotations(rng, number, dimension):
    """Random orthogonal matrices [number, D, D], uniformly distributed (Mezzadri 2007)."""
    q, r = np.linalg.qr(rng.normal(size=(number, dimension, dimension)))
    return q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]


def _float32(value):
    return [_float32(item) for item in value] if isinstance(value, list) else np.asarray(value, "float32")
