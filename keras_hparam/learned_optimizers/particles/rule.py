"""An optimizer network that moves the particles of clusters: a rule for positions.

Each step is a residual around compression: particles follow their clipped gradients and a pull towards the centre of
mass, with momentum, in steps of a length that shrinks from first to last. A network changes the weights of these
directions and the length of the step for each particle, from numbers that rotations do not change; so the whole rule
commutes with rotations, translations and the exchange of particles.

Axes: M candidates, B clusters, N particles, P parameters θ. With θ [P] positions are [..., N, 3]; with θ [M, P] they
are [M, ..., N, 3]. Reduced units, see `config`.
"""

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers import updates
from keras_hparam.learned_optimizers.particles import features
from keras_hparam.learned_optimizers.particles.config import CONSTANTS, ParticleConfig
from keras_hparam.networks.narrow_mlp import NarrowMLP

OUTPUTS = 4  # log-weights of gradient and pull, weight of the momentum, magnitude


class ParticleRule:
    """The update of each particle's position: x − α·d·sigmoid(β·m·γ).

    d is the momentum of e^a·g + e^b·pull·x + c·v, over its root mean square in the cluster: g the clipped gradient,
    x the position from the centre of mass, v the last momentum; the network gives a, b, c and m for each particle. θ
    holds the network's weights, then for each constant the change of its logarithm for each of `config.sizes`.

    Args:
        config: `ParticleConfig`.

    Attributes:
        kind: str, of the weights on disk.
        config: as given.
        network: its `NarrowMLP`.
        num_parameters: P.

    Raises:
        InvalidArgumentError: for something else than a configuration.

    Source: US20220253704A1, claims 9 to 16; Merchant et al. 2021, "Learn2Hop: learned optimization on rough
    landscapes".

    Example:

    ```python
    rule, positions = ParticleRule(), [starts.random_ball(8, 13, seed=0)]
    positions, state = rule.step(rule.initial(0), rule.init(positions), positions, [gradients], None, 0, 30)
    ```
    """

    kind = "particle_rule"

    def __init__(self, config=None):
        config = ParticleConfig() if config is None else config
        if not isinstance(config, ParticleConfig):
            raise errors.InvalidArgumentError(f"Expected `config` to be a ParticleConfig. Received: {config!r}.")
        self.config = config
        self.network = NarrowMLP(
            features.num_particle_features(config), config.widths, OUTPUTS, config.activation,
            features.NUM_CLUSTER_FEATURES,
        )  # fmt: skip
        self.num_parameters = self.network.num_parameters + len(CONSTANTS) * len(config.sizes)

    def initial(self, seed):
        """Parameters [P] to begin with, float32: hidden layers at random, everything else 0.

        Args:
            seed: int ≥ 0, or anything that `numpy.random.default_rng` takes.
        """
        weights = self.network.initial(np.random.default_rng(seed))
        return np.concatenate([weights, np.zeros(self.num_parameters - len(weights), "float32")])

    def refined(self, theta, steps):
        """(rule, θ) that move alike for each number of particles, but take other numbers of steps.

        Args:
            theta: [P].
            steps: dict of numbers of particles to steps, see `ParticleConfig.refined`.

        Raises:
            InvalidArgumentError: if one of `config.sizes` is missing, or for numbers out of range.
        """
        rule = ParticleRule(self.config.refined(steps))
        weights, changes = np.split(np.asarray(theta), [self.network.num_parameters])
        shares = np.stack([self.config.weights(size) for size in rule.config.sizes])
        changes = np.reshape(changes, (len(CONSTANTS), -1)) @ shares.T
        return rule, np.concatenate([weights, np.ravel(changes)]).astype("float32")

    def to_dict(self):
        """The configuration as plain JSON values."""
        return self.config.to_dict()

    @classmethod
    def from_dict(cls, values):
        """The rule of a dict that `to_dict` made.

        Raises:
            InvalidArgumentError: for unknown names and values outside of their ranges.
        """
        return cls(ParticleConfig.from_dict(values))

    def init(self, parameters, batch_rank=0):
        """The momenta before the first step, all zero.

        Args:
            parameters: list of positions [..., N, 3].
            batch_rank: not used; the axes of particles and coordinates are the last ones.
        """
        return [ops.zeros_like(positions) for positions in parameters]

    def step(self, theta, state, parameters, gradients, losses, step, total_steps):
        """(parameters, state) after one step; the new positions have their centre of mass at the origin.

        Args:
            theta: [P], or [M, P].
            state: of `init` or of the last step.
            parameters, gradients: lists of tensors [..., N, 3], or [M, ..., N, 3].
            losses: not used.
            step: scalar, the number of this step, from 0.
            total_steps: scalar > 0, the steps that there will be; None, or not above 0: those of `config.num_steps`.
        """
        total_steps = 0.0 if total_steps is None else total_steps
        found = [
            self._moved(theta, *each, ops.cast(step, each[0].dtype), ops.cast(total_steps, each[0].dtype))
            for each in zip(parameters, state, gradients, strict=True)
        ]
        return [positions for positions, _ in found], [momentum for _, momentum in found]

    def _moved(self, theta, positions, momentum, gradients, step, total_steps):
        num_particles, rank = positions.shape[-2], len(positions.shape)
        theta = ops.cast(theta, positions.dtype)
        total_steps = ops.where(total_steps > 0, total_steps, float(self.config.num_steps(num_particles)))
        progress = ops.minimum(step / total_steps, 1.0)
        constants = self._constants(theta, num_particles, rank)
        pull = _between(constants["first_pull"], constants["last_pull"], progress)
        alpha = 2.0 * _between(constants["first_step"], constants["last_step"], progress)

        positions = positions - ops.mean(positions, axis=-2, keepdims=True)
        clipped = shortened(gradients, constants["gradient_clip"])
        unit_momentum = momentum / root_mean_square(momentum)
        seen = features.particle_features(
            self.config, positions, gradients, clipped, unit_momentum, constants["gradient_clip"], pull
        )
        context = features.cluster_features(positions, clipped, constants["gradient_clip"], progress, total_steps)
        outputs = self.network(theta[..., : self.network.num_parameters], seen, context)
        follow, compress, keep, magnitude = (output[..., None] for output in outputs)
        direction = ops.exp(follow) * clipped + ops.exp(compress) * pull * positions
        direction = direction + keep * constants["gradient_clip"] * unit_momentum
        mu = constants["inertia"] / (1.0 + constants["inertia"])
        momentum = mu * momentum + (1.0 - mu) * direction
        change = updates.step(
            momentum / root_mean_square(momentum), magnitude, alpha, constants["beta"], constants["gamma"]
        )
        positions = positions - shortened(change, self.config.largest_step)
        return shortened(positions, self.config.container * num_particles ** (1.0 / 3.0)), momentum

    def _constants(self, theta, num_particles, rank):
        """The constants by name: tensors [*ones], or [M, *ones]."""
        batch, changes = tuple(theta.shape[:-1]), theta[..., self.network.num_parameters :]
        values = np.log([getattr(self.config, name) for name in CONSTANTS])  # [constants, sizes]
        logarithms = ops.reshape(changes, (*batch, *values.shape)) + ops.cast(values, theta.dtype)
        found = ops.exp(ops.matmul(logarithms, ops.cast(self.config.weights(num_particles)[:, None], theta.dtype)))
        shape = (*batch, *(1,) * (rank - len(batch)))
        return {name: ops.reshape(found[..., index, 0], shape) for index, name in enumerate(CONSTANTS)}


def _between(first, last, progress):
    """The geometric interpolation: `first` at 0, `last` at 1."""
    return ops.exp((1.0 - progress) * ops.log(first) + progress * ops.log(last))


def shortened(vectors, longest):
    """Vectors [..., 3] that are not longer than `longest`, by shortening."""
    squares = ops.sum(vectors * vectors, axis=-1, keepdims=True)
    return vectors * ops.minimum(1.0, longest * ops.rsqrt(squares + 1e-20))


def root_mean_square(vectors):
    """The root mean square length [..., 1, 1] of the vectors [..., N, 3] of a cluster; never zero."""
    return ops.sqrt(ops.mean(ops.sum(vectors * vectors, axis=-1), axis=-1)[..., None, None] + 1e-12)
