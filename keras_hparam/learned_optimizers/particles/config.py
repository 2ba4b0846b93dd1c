"""What an optimizer network for particles sees, how large it is, and the constants that it begins with."""

import dataclasses

import numpy as np

from keras_hparam import errors
from keras_hparam.configuration import Configuration, is_integer, is_number
from keras_hparam.networks.narrow_mlp import ACTIVATIONS

CONSTANTS = ("first_step", "last_step", "first_pull", "last_pull", "inertia", "gradient_clip", "beta", "gamma")


@dataclasses.dataclass(frozen=True)
class ParticleConfig(Configuration):
    """Configuration of a `ParticleRule`.

    Lengths and energies are in reduced units: those of the Lennard-Jones potential with ε = σ = 1. Constants depend on
    the number of particles: each is given for the numbers in `sizes`, and is interpolated between them, its logarithm
    linearly in the logarithm of the number; beyond them it stays as it is at the end, but `steps` goes on.

    Args:
        widths: of the hidden layers, each at least 1.
        activation: of the hidden layers: "softsign", "tanh" or "relu".
        cutoffs, etas: of the radial symmetry functions, one each for a function; > 0 and ≥ 0, of equal number.
        sizes: increasing numbers of particles, two or more, each at least 2.
        first_step, last_step: α/2 at the first and at the last step: the root mean square length of a step while the
            network's outputs are zero.
        first_pull, last_pull: the strength of the pull towards the centre of mass, per length.
        inertia: μ/(1−μ) of the momentum μ.
        gradient_clip: the largest gradient of a particle; a longer one is shortened.
        beta, gamma: of the update α·d·sigmoid(β·m·γ).
        largest_step: the longest step of a particle, > 0.
        container: > 0, times N^(1/3): the radius beyond which no particle gets.
        steps: the number of steps where the user gives none.

    Raises:
        InvalidArgumentError: for a value outside of these ranges.

    Example:

    ```python
    config = ParticleConfig(widths=(16,), largest_step=0.3)
    ```
    """

    widths: tuple[int, ...] = (32, 32)
    activation: str = "softsign"
    cutoffs: tuple[float, ...] = (1.6, 2.2, 3.0)
    etas: tuple[float, ...] = (0.0, 0.0, 0.0)
    sizes: tuple[int, ...] = (7, 13, 19, 26, 38, 55)
    first_step: tuple[float, ...] = (0.21, 0.21, 0.19, 0.11, 0.034, 0.034)
    last_step: tuple[float, ...] = (0.0095, 0.0095, 0.054, 0.042, 0.007, 0.007)
    first_pull: tuple[float, ...] = (15.0, 15.0, 18.0, 16.0, 25.0, 25.0)
    last_pull: tuple[float, ...] = (20.0, 20.0, 23.0, 16.0, 14.0, 14.0)
    inertia: tuple[float, ...] = (1.25, 1.25, 1.1, 1.55, 3.1, 3.1)
    gradient_clip: tuple[float, ...] = (16.0, 16.0, 21.0, 25.0, 25.0, 25.0)
    beta: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    gamma: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    steps: tuple[float, ...] = (12.0, 30.0, 54.0, 138.0, 192.0, 266.0)
    largest_step: float = 0.45
    container: float = 2.0

    def __post_init__(self):
        self.make_tuples()
        self.require("widths", self.widths and all(is_integer(width, 1) for width in self.widths), "integers ≥ 1")
        self.require("activation", self.activation in ACTIVATIONS, f"one of {sorted(ACTIVATIONS)}")
        self.require("cutoffs", all(is_number(cutoff, 0) for cutoff in self.cutoffs), "finite numbers > 0")
        good = len(self.etas) == len(self.cutoffs) and all(is_number(eta) and eta >= 0 for eta in self.etas)
        self.require("etas", good, f"{len(self.cutoffs)} finite numbers ≥ 0, one for each of `cutoffs`")
        good = all(is_integer(size, 2) for size in self.sizes) and list(self.sizes) == sorted(set(self.sizes))
        self.require("sizes", good and len(self.sizes) > 1, "two or more increasing integers ≥ 2")
        for name in (*CONSTANTS, "steps"):
            values = getattr(self, name)
            good = len(values) == len(self.sizes) and all(is_number(value, 0) for value in values)
            self.require(name, good, f"{len(self.sizes)} finite numbers > 0, one for each of `sizes`")
        for name in ("largest_step", "container"):
            self.require(name, is_number(getattr(self, name), 0), "a finite number > 0")

    def weights(self, num_particles, beyond=False):
        """How much the constants of each of `sizes` count for a number of particles: float64 array, of sum 1.

        Args:
            num_particles: int ≥ 1.
            beyond: bool, whether the line goes on outside of `sizes`.
        """
        knots, place = np.log(self.sizes), np.log(num_particles)
        place = place if beyond else np.clip(place, knots[0], knots[-1])
        left = int(np.clip(np.searchsorted(knots, place) - 1, 0, len(knots) - 2))
        share = (place - knots[left]) / (knots[left + 1] - knots[left])
        found = np.zeros(len(knots))
        found[left : left + 2] = 1.0 - share, share
        return found

    def num_steps(self, num_particles):
        """How many steps a cluster gets where the user does not say: an int ≥ 1."""
        return max(1, round(float(np.exp(self.weights(num_particles, beyond=True) @ np.log(self.steps)))))

    def refined(self, steps):
        """The configuration with the same constants for each number of particles, and other steps.

        Args:
            steps: dict of int ≥ 2, numbers of particles, to > 0, the steps that they get; all of `sizes` among them.

        Raises:
            InvalidArgumentError: if one of `sizes` is missing, or for numbers out of range.
        """
        if not isinstance(steps, dict) or not set(self.sizes) <= set(steps):
            raise errors.InvalidArgumentError(
                f"Expected `steps` to be a dict with the numbers of particles {list(self.sizes)}. Received: {steps!r}."
            )
        sizes = tuple(sorted(steps))
        shares = np.stack([self.weights(size) for size in sizes])
        constants = {name: tuple(np.exp(shares @ np.log(getattr(self, name))).tolist()) for name in CONSTANTS}
        steps = tuple(float(steps[size]) for size in sizes)
        return dataclasses.replace(self, sizes=sizes, steps=steps, **constants)
