"""How a search goes, as numbers."""

import dataclasses

from keras_hparam.autohas import controllers
from keras_hparam.autohas.encodings import RELAXATIONS
from keras_hparam.configuration import Configuration, is_integer, is_number

METHODS = ("reinforce", "differentiable")


@dataclasses.dataclass(frozen=True)
class SearchSettings(Configuration):
    """Settings of `AutoHAS`.

    Args:
        method: "reinforce": pairs of architecture and hyperparameters are sampled, and judged by their validation loss.
            "differentiable": the architecture moves by the gradient of the validation loss one step ahead; so do the
            hyperparameters if `horizon` is 1, else they are sampled.
        horizon: float, how long a sampled pair is trained before it is judged: below 1 as a share of a whole training,
            with a schedule of its own; 1, an int, for one step from the shared weights.
        rounds: int ≥ 1; samples: int ≥ 1, pairs of a round: sampling costs rounds · samples · horizon trainings. With
            one step ahead, the samples of each iteration, of minibatches or of pairs, whose gradients are averaged.
        iterations: float > 0, iterations on the shared weights in all: up to 1 as a share of the steps of a training,
            or a larger int. Not for "reinforce" with a horizon of more than a step.
        warm_up: float in [0, 1), share of these iterations before encodings move.
        relaxation: "softmax", "gumbel" or "straight_through", of encodings that gradients reach.
        temperature, final_temperature: floats > 0, of the relaxation; it falls geometrically.
        entropy, final_entropy: floats, weight of the encodings' entropy in what is maximised; it changes linearly.
        encoding_learning_rate: float > 0, of Adam on encodings, one step ahead.
        controller: "thompson" or "policy_gradient", how sampling learns from the ranks of losses.
        sampling_rate: float > 0, by which logits move with the policy gradient.
        second_order: bool, whether one step ahead counts how the architecture changes the step.
        enumerate_all: bool, whether continuous hyperparameters of the forward pass have gradients of their own, too.
        ema: float in [0, 1), decay of the moving average of rewards one step ahead, the baseline.
        reward: "loss" or "accuracy" on validation data.
        validation_batches: int ≥ 1, minibatches that judge a sampled pair.
        min_change: float ≥ 0: the search ends when no probability moved more in a round, or iteration; 0: never.
        min_gradient: float ≥ 0: it ends when the norm of the encodings' gradient is below; 0: never.
        chunk: int ≥ 1, steps of one program call; more steps use more memory for their minibatches.
        seed: int ≥ 0.
        checkpoint_every: int ≥ 1, iterations between checkpoints; rounds always have one.

    Raises:
        InvalidArgumentError: for values out of range.
    """

    method: str = "reinforce"
    horizon: float = 1 / 12
    rounds: int = 4
    samples: int = 8
    iterations: float = 1.0
    warm_up: float = 0.25
    relaxation: str = "softmax"
    temperature: float = 1.0
    final_temperature: float = 1.0
    entropy: float = 0.0
    final_entropy: float = 0.0
    encoding_learning_rate: float = 0.03
    controller: str = "thompson"
    sampling_rate: float = 15.0
    second_order: bool = True
    enumerate_all: bool = False
    ema: float = 0.95
    reward: str = "loss"
    validation_batches: int = 8
    min_change: float = 0.0
    min_gradient: float = 0.0
    chunk: int = 10
    seed: int = 0
    checkpoint_every: int = 100

    def __post_init__(self):
        self.require("method", self.method in METHODS, f"one of {METHODS}")
        self.require("relaxation", self.relaxation in RELAXATIONS, f"one of {RELAXATIONS}")
        self.require("controller", self.controller in controllers.NAMES, f"one of {controllers.NAMES}")
        self.require("reward", self.reward in ("loss", "accuracy"), "'loss' or 'accuracy'")
        good = is_number(self.horizon, 0, 1) or (is_integer(self.horizon) and self.horizon == 1)
        self.require("horizon", good, "a share in (0, 1) of a training, or 1, for one step")
        good = is_number(self.iterations, 0) and (self.iterations <= 1 or is_integer(self.iterations))
        self.require("iterations", good, "a share in (0, 1] of the steps of a training, or an int above 1")
        for name in ("rounds", "samples", "validation_batches", "chunk", "checkpoint_every"):
            self.require(name, is_integer(getattr(self, name), 1), "an int ≥ 1")
        self.require("seed", is_integer(self.seed, 0), "an int ≥ 0")
        for name in ("temperature", "final_temperature", "encoding_learning_rate", "sampling_rate"):
            self.require(name, is_number(getattr(self, name), 0), "a finite number > 0")
        for name in ("min_change", "min_gradient"):
            self.require(name, is_number(getattr(self, name)) and getattr(self, name) >= 0, "a finite number ≥ 0")
        for name in ("entropy", "final_entropy"):
            self.require(name, is_number(getattr(self, name)), "a finite number")
        for name in ("warm_up", "ema"):
            value = getattr(self, name)
            self.require(name, is_number(value) and 0 <= value < 1, "in [0, 1)")
        self.require("samples", not self.is_sampled or self.samples >= 2, "an int ≥ 2 where samples are compared")

    @property
    def is_one_step(self):
        """Whether hyperparameters are judged one step ahead."""
        return is_integer(self.horizon)

    @property
    def is_sampled(self):
        """Whether losses of samples are compared."""
        return self.method == "reinforce" or not self.is_one_step

    @property
    def has_shared_weights(self):
        """Whether there are iterations on shared weights."""
        return self.method == "differentiable" or self.is_one_step

    def temperature_at(self, share):
        """The temperature after a share of the search."""
        return self.temperature * (self.final_temperature / self.temperature) ** share

    def entropy_at(self, share):
        """The weight of the entropy after a share of the search."""
        return self.entropy + (self.final_entropy - self.entropy) * share
