"""The policy that is trained, its value network, and their updates by PPO and REINFORCE.

Source: Schulman et al. 2017, arXiv 1707.06347; Williams 1992; US20210034973A1.

Axes: T decisions, K copies of a trainee, G trainees, B = K·G trainings, F features.
"""

import functools
import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_hparam.distribute import compilation
from keras_hparam.learned_schedules.controller import Controller
from keras_hparam.ops import policy_gradients
from keras_hparam.ops.differentiation import value_and_gradient

_NORMALISATION = ("seen", "mean", "variance")


class Policy:
    """A controller whose actions have a normal distribution, and a value network of the same form.

    Args:
        controller: `Controller`, which is trained.
        settings: `ControllerTrainingSettings`.

    Attributes:
        controller, values: `Controller`s.
        log_deviation: Variable [1], of the actions.
        optimizer: Adam.
    """

    def __init__(self, controller, settings):
        self.controller, self.settings = controller, settings
        keras.utils.set_random_seed(settings.seed)
        self.values = Controller(controller.config, name="values")
        self.log_deviation = keras.Variable([math.log(settings.deviation)], name="log_deviation", dtype="float32")
        schedule = keras.optimizers.schedules.CosineDecay(
            settings.learning_rate, settings.updates * self.steps_per_update,
            alpha=min(1.0, settings.final_learning_rate / settings.learning_rate),
        )  # fmt: skip
        self.optimizer = keras.optimizers.Adam(schedule, clipnorm=0.5)
        self.optimizer.build(self.variables)
        chosen = {name: getattr(settings, name) for name in Learning._fields}
        self._advantages, self._gradients = _programs(controller.config, Learning(**chosen))

    @property
    def steps_per_update(self):
        """Steps of the optimizer in an update."""
        return self.settings.epochs * self.settings.minibatches if self.settings.method == "ppo" else 1

    @property
    def variables(self):
        """All trained variables."""
        return [*self.controller.trainable_variables, *self.values.trainable_variables, self.log_deviation]

    def noise(self, standard):
        """Random parts of actions of noise of deviation 1."""
        return standard * np.exp(float(np.asarray(self.log_deviation)[0])).astype("float32")

    def absorb(self, features):
        """Adds features [..., F] to the running normalisation of both networks."""
        self.controller.absorb(features)
        for name in _NORMALISATION:
            getattr(self.values, name).assign(getattr(self.controller, name))

    def update(self, found, rng):
        """Learns from a rollout: dict of figures.

        Args:
            found: `Rollout`, of arrays.
            rng: `numpy.random.Generator`, which parts a rollout into minibatches.
        """
        settings, (decisions, copies, number, _) = self.settings, found.features.shape
        advantages, targets, reward = self._advantages(weights_of(self.values), found.features, found.losses)
        rows = [found.features, found.actions, found.means, advantages, targets]
        rows = [np.asarray(part).reshape(decisions, copies * number, *part.shape[3:]) for part in rows]
        fixed = [weights_of(network)[1] for network in (self.controller, self.values)]
        log_deviation, figures = np.asarray(self.log_deviation).copy(), []
        for _ in range(settings.epochs if settings.method == "ppo" else 1):
            parts = settings.minibatches if settings.method == "ppo" else 1
            for chosen in np.split(rng.permutation(copies * number), parts):
                batch = [part[:, chosen] for part in rows]
                trained = [ops.convert_to_tensor(v) for v in self.variables]
                losses, gradients = self._gradients(trained, fixed, log_deviation, *batch)
                self.optimizer.apply(gradients, self.variables)
                figures.append([float(loss) for loss in losses])
        names = ("policy_loss", "value_loss", "entropy")
        return {"reward": float(reward)} | dict(zip(names, np.mean(figures, axis=0).tolist(), strict=True))


class Learning(NamedTuple):
    """Those of the settings that the programs of an update depend on."""

    method: str
    reward: str
    discount: float
    trace: float
    clip: float
    entropy: float


@functools.lru_cache(maxsize=8)
def _programs(config, learning):
    """The compiled functions (advantages, gradients) of controllers of a configuration."""
    network = Controller(config)  # for its form; weights are arguments

    def advantages(weights, features, losses):
        """(advantages [T, K, G], targets of the value network, mean sum of the rewards)."""
        rewards = losses[:-1] - losses[1:] if learning.reward == "improvement" else -losses[1:] / features.shape[0]
        total = ops.mean(ops.sum(rewards, axis=0))
        if learning.method == "reinforce":
            returns = policy_gradients.returns(rewards, learning.discount)
            by_copy = ops.transpose(returns, (1, 0, 2))
            found = ops.transpose(by_copy - policy_gradients.others_mean(by_copy), (1, 0, 2))
            return policy_gradients.normalized(found), returns, total
        decisions, copies, number, width = features.shape
        rows = ops.reshape(features, (decisions, copies * number, width))
        values = ops.reshape(unrolled(network, weights, rows), (decisions, copies, number))
        values = ops.concatenate([values, ops.zeros_like(values[:1])])
        found = policy_gradients.generalized_advantages(rewards, values, learning.discount, learning.trace)
        return policy_gradients.normalized(found), found + values[:-1], total

    def gradients(trained, fixed, old_log_deviation, *batch):
        """((policy loss, value loss, entropy), gradients) of trainings [T, B, …]."""

        def total(trained):
            policy_loss, value_loss, entropy = _losses(network, learning, trained, fixed, old_log_deviation, *batch)
            return policy_loss + value_loss - learning.entropy * entropy

        _, found = value_and_gradient(total)(trained)
        return _losses(network, learning, trained, fixed, old_log_deviation, *batch), found

    return compilation.compile(advantages), compilation.compile(gradients)


def _losses(network, learning, trained, fixed, old_log_deviation, features, actions, old_means, advantages, targets):
    """(policy loss, value loss, entropy); `trained`: weights of the controller, of the value network, log deviation."""
    number, log_deviation = len(network.trainable_variables), trained[-1]

    def log_probability(means, log_deviation):
        return policy_gradients.normal_log_probability(actions[..., None], means[..., None], log_deviation)

    means = unrolled(network, (trained[:number], fixed[0]), features)
    current, entropy = log_probability(means, log_deviation), policy_gradients.normal_entropy(log_deviation)
    if learning.method == "reinforce":
        return policy_gradients.reinforce_loss(current, advantages), ops.zeros(()), entropy
    old = log_probability(old_means, old_log_deviation)
    policy_loss = policy_gradients.ppo_loss(current, old, advantages, learning.clip)
    values = unrolled(network, (trained[number:-1], fixed[1]), features)
    return policy_loss, policy_gradients.value_loss(values, targets), entropy


def weights_of(network):
    """(trainable, fixed): the values of a network's variables, as its `stateless_call` takes them."""
    parts = network.trainable_variables, network.non_trainable_variables
    return tuple([ops.convert_to_tensor(variable) for variable in part] for part in parts)


def unrolled(network, weights, features):
    """What a network says at all decisions [T, B] of trainings with features [T, B, F].

    Args:
        network: `Controller`.
        weights: (trainable, fixed) tensors instead of its variables.
        features: float [T, B, F].
    """
    if network.cell is None:
        rows = ops.reshape(features, (-1, features.shape[-1]))
        (means, _), _ = network.stateless_call(*weights, rows, [])
        return ops.reshape(means, features.shape[:2])
    states, found = network.initial_states(features.shape[1]), []
    for decision in range(features.shape[0]):
        (means, states), _ = network.stateless_call(*weights, features[decision], states)
        found.append(means)
    return ops.stack(found)
