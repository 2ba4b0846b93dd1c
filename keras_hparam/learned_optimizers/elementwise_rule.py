"""An optimizer network that updates each parameter of a network by itself: a rule for the parameters of networks.

Axes: M candidates, B tasks, P weights θ of the rule. With θ [P] parameters are tensors [*shape]; with θ [M, P] they are
tensors [M, B, *shape], one compiled program for all candidates and tasks.

The rule is a residual around Adam: with the last layer at zero it is Adam with the rate α/2, times a scale and a decay.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers import features, updates
from keras_hparam.learned_optimizers.config import CONSTANTS, OptimizerConfig
from keras_hparam.networks.narrow_mlp import NarrowMLP


class ElementwiseRule:
    """The update of each parameter p: p − scale·decay·α·d·sigmoid(β·m·γ), where a network gives d and m.

    d is the network's direction, plus Adam's bias-corrected normalised momentum if `config.residual`. θ holds the
    network's weights, then the logarithms of what multiplies the learned ones of α, β and γ.

    Args:
        config: `OptimizerConfig`.

    Attributes:
        kind: str, of the weights on disk.
        config: as given.
        network: its `NarrowMLP`.
        num_parameters: P.

    Raises:
        InvalidArgumentError: for something else than a configuration.

    Source: US20220253704A1, claims 7, 8 and 13 to 16; Metz et al. 2022, arXiv 2203.11860.

    Example:

    ```python
    rule = ElementwiseRule(OptimizerConfig())
    theta, weights = rule.initial(seed=0), [np.ones((3, 2), "float32")]
    weights, state = rule.step(theta, rule.init(weights), weights, [np.ones((3, 2), "float32")], None, 0, None)
    ```
    """

    kind = "elementwise_rule"

    def __init__(self, config=None):
        config = OptimizerConfig() if config is None else config
        if not isinstance(config, OptimizerConfig):
            raise errors.InvalidArgumentError(f"Expected `config` to be an OptimizerConfig. Received: {config!r}.")
        self.config = config
        self.network = NarrowMLP(
            features.num_element_features(config), config.widths, 2, config.activation,
            features.num_context_features(config),
        )  # fmt: skip
        self.num_parameters = self.network.num_parameters + len(config.learned)

    def initial(self, seed):
        """Weights [P] to begin with, float32: hidden layers at random, the last layer and all logarithms 0.

        Args:
            seed: int ≥ 0, or anything that `numpy.random.default_rng` takes.
        """
        weights = self.network.initial(np.random.default_rng(seed))
        return np.concatenate([weights, np.zeros(len(self.config.learned), "float32")])

    def to_dict(self):
        """The configuration as plain JSON values."""
        return self.config.to_dict()

    @classmethod
    def from_dict(cls, values):
        """The rule of a dict that `to_dict` made.

        Raises:
            InvalidArgumentError: for unknown names and values outside of their ranges.
        """
        return cls(OptimizerConfig.from_dict(values))

    def init(self, parameters, batch_rank=0):
        """The state before the first step: a list of the moving averages of each parameter, all zero.

        Args:
            parameters: list of tensors [*shape], or [M, B, *shape] with `batch_rank` 2.
            batch_rank: number of batch axes.
        """
        return [
            {
                name: ops.zeros((*p.shape[:batch_rank], *shape), "float32")
                for name, shape in features.moment_shapes(self.config, tuple(p.shape[batch_rank:])).items()
            }
            for p in parameters
        ]

    def step(self, theta, state, parameters, gradients, losses, step, total_steps):
        """(parameters, state) after one step.

        Args:
            theta: [P], or [M, P].
            state: of `init` or of the last step.
            parameters, gradients: lists of tensors [*shape], or [M, B, *shape].
            losses: not used.
            step: scalar, the number of this step, from 0.
            total_steps: scalar, the steps that there will be; None, or not above 0: unknown.
        """
        found = [
            self.update(theta, moments, parameter, gradient, step, total_steps)
            for moments, parameter, gradient in zip(state, parameters, gradients, strict=True)
        ]
        return [p - change for p, (change, _) in zip(parameters, found, strict=True)], [moments for _, moments in found]

    def update(self, theta, moments, parameter, gradient, step, total_steps=None):
        """(what to subtract from one parameter, its new moving averages); arguments as in `step`, of one tensor."""
        config, batch_rank = self.config, 2 * (len(theta.shape) - 1)
        dtype = keras.backend.standardize_dtype(parameter.dtype)
        theta, step = ops.cast(theta, dtype), ops.cast(step, dtype)
        factors = features.corrections(config, step)
        moments = features.updated_moments(config, moments, gradient, batch_rank)
        inverse = features.inverse_root(moments["second_moment_0"], factors["second_moment_0"], config.epsilon)
        base = moments["momentum_0"] * factors["momentum_0"] * inverse
        rms = features.root_mean_square(parameter, batch_rank)
        seen = features.element_features(config, moments, factors, parameter, gradient, inverse, rms, batch_rank)
        context = self._context(parameter, rms, base, step, total_steps, batch_rank)
        weights = theta[..., : self.network.num_parameters]
        direction, magnitude = self.network(weights, seen, context, len(parameter.shape))
        if config.residual:
            direction = direction + base
        constants = self._constants(theta, len(parameter.shape))
        change = updates.step(direction, magnitude, **constants)
        change = change * self.decay(step, total_steps)
        if config.scale == "parameter_rms":
            change = change * ops.maximum(rms, config.rms_floor)
        return change, moments

    def decay(self, step, total_steps=None):
        """The factor of α at a step, see `updates.decay`."""
        return updates.decay(self.config.decay, step, total_steps, self.config.decay_steps)

    def _constants(self, theta, rank):
        """α, β and γ by name: numbers, or tensors [*ones] or [M, *ones] where they are learned."""
        values = {name: getattr(self.config, name) for name in CONSTANTS}
        for index, name in enumerate(self.config.learned, self.network.num_parameters):
            logarithm = ops.reshape(theta[..., index], (*theta.shape[:-1], *(1,) * (rank - len(theta.shape) + 1)))
            values[name] = values[name] * ops.exp(logarithm)
        return values

    def _context(self, parameter, rms, base, step, total_steps, batch_rank):
        """What the features of a tensor have in common: [*batch, C], or None if there is nothing."""
        batch, parts = tuple(parameter.shape[:batch_rank]), []
        if "time" in self.config.features:
            time = features.time_features(self.config, step, total_steps)
            parts.append(ops.broadcast_to(time, (*batch, time.shape[-1])))
        if "tensor" in self.config.features:
            direction_rms = features.root_mean_square(base, batch_rank)
            parts.append(features.tensor_features(tuple(parameter.shape[batch_rank:]), rms, direction_rms))
        return ops.concatenate(parts, axis=-1) if parts else None
