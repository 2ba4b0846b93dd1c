"""How a controller is trained, as numbers; what an update draws.

Axes: K copies of a trainee, G trainees, T decisions.
"""

import dataclasses
import math

import numpy as np

from keras_hparam.configuration import Configuration, are_distinct, is_integer, is_number
from keras_hparam.learned_schedules.training.environment import Situation
from keras_hparam.learned_schedules.training.trainees import KINDS, kinds_of

METHODS = ("ppo", "reinforce")
REWARDS = ("improvement", "negative")
BESIDE_THE_COURSE = ("updates", "checkpoint_every")  # settings that a resumed training may change
VALIDATION_STREAM = 1_000_003  # of random numbers that are never an update's
_COUNTS = (
    "updates", "decisions", "trainees", "epochs", "minibatches", "validate_every", "validation_trainees",
    "checkpoint_every",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ControllerTrainingSettings(Configuration):
    """Settings of `train_controller`.

    Args:
        updates: int ≥ 1, rollouts with an update each.
        decisions: int ≥ 1, T, of a rollout.
        copies: int ≥ 2, K, of each trainee, which differ in the controller's random actions alone.
        trainees: int ≥ 1, G, of a rollout.
        steps: (low, high), ints ≥ 1: between two decisions, log-uniform at random for a rollout.
        optimizers: of the trainees, some of "sgd", "momentum", "rmsprop", "adam".
        rates: (low, high), 0 < low ≤ high: initial rates, log-uniform, relative to the optimizer's usual one.
        total_steps_known: in [0, 1], share of the trainees of which the controller is told the number of steps.
        cap: > 0, on the length of a step relative to the parameters, see `decisions.capped`; 0: none.
        method: "ppo" or "reinforce"; the latter has the mean of the other copies as its baseline.
        reward: "improvement" of the normalised validation loss by a decision, or its "negative" after it.
        discount, trace: in [0, 1], γ and λ of the advantages; the latter of PPO only.
        clip: in (0, 1), of PPO's ratios.
        entropy: ≥ 0, weight of the entropy.
        epochs, minibatches: ints ≥ 1, passes over a rollout, and parts of it, of PPO.
        deviation: > 0, of the actions at the beginning; it is learned.
        learning_rate, final_learning_rate: > 0, of Adam; it falls along a cosine.
        seed: int ≥ 0.
        validate_every: int ≥ 1, updates between validations; there is one before the first and one after the last.
        validation_trainees: int ≥ 1, of each family and initial rate.
        validation_rates: > 0, the initial rates relative to the usual ones.
        checkpoint_every: int ≥ 1, updates between checkpoints; there is one at the end as well.

    Raises:
        InvalidArgumentError: for numbers out of range.
    """

    updates: int = 500
    decisions: int = 40
    copies: int = 4
    trainees: int = 32
    steps: tuple[int, int] = (5, 40)
    optimizers: tuple[str, ...] = tuple(KINDS)
    rates: tuple[float, float] = (0.01, 30.0)
    total_steps_known: float = 0.8
    cap: float = 0.03
    method: str = "ppo"
    reward: str = "improvement"
    discount: float = 1.0
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.0
    epochs: int = 4
    minibatches: int = 4
    deviation: float = 0.5
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-4
    seed: int = 0
    validate_every: int = 50
    validation_trainees: int = 32
    validation_rates: tuple[float, ...] = (0.03, 1.0, 10.0)
    checkpoint_every: int = 25

    def __post_init__(self):
        self.make_tuples()
        for name in _COUNTS:
            self.require(name, is_integer(getattr(self, name), 1), "an int ≥ 1")
        self.require("copies", is_integer(self.copies, 2), "an int ≥ 2")
        self.require("seed", is_integer(self.seed, 0), "an int ≥ 0")
        steps, rates = self.steps, self.rates
        good = len(steps) == 2 and all(is_integer(number, 1) for number in steps) and steps[0] <= steps[1]
        self.require("steps", good, "(low, high), ints ≥ 1, low ≤ high")
        good = len(rates) == 2 and all(is_number(rate, 0) for rate in rates) and rates[0] <= rates[1]
        self.require("rates", good, "(low, high), finite numbers > 0, low ≤ high")
        good = self.optimizers and all(isinstance(name, str) for name in self.optimizers)
        good = good and are_distinct(self.optimizers, KINDS)
        self.require("optimizers", good, f"one or more of {list(KINDS)}, each once")
        for name, choices in (("method", METHODS), ("reward", REWARDS)):
            self.require(name, getattr(self, name) in choices, f"one of {choices}")
        for name in ("total_steps_known", "discount", "trace"):
            value = getattr(self, name)
            self.require(name, is_number(value) and 0 <= value <= 1, "in [0, 1]")
        self.require("clip", is_number(self.clip, 0, 1), "in (0, 1)")
        for name in ("cap", "entropy"):
            self.require(name, is_number(getattr(self, name)) and getattr(self, name) >= 0, "a finite number ≥ 0")
        for name in ("deviation", "learning_rate", "final_learning_rate"):
            self.require(name, is_number(getattr(self, name), 0), "a finite number > 0")
        rates = self.validation_rates
        good = rates and are_distinct(rates) and all(is_number(rate, 0) for rate in rates)
        self.require("validation_rates", good, "one or more different finite numbers > 0")
        rows = self.copies * self.trainees
        good = self.method != "ppo" or rows % self.minibatches == 0
        self.require("minibatches", good, f"a divisor of copies × trainees, {rows}")

    def course(self):
        """Those of the settings that decide what an update does, as plain JSON values."""
        return {name: value for name, value in self.to_dict().items() if name not in BESIDE_THE_COURSE}


def draw_rollout(settings, mixture, update):
    """What a rollout is: a function of (seed, update).

    Args:
        settings: `ControllerTrainingSettings`.
        mixture: `Mixture` of `SupervisedTasks`.
        update: int ≥ 0.

    Returns:
        (family, `Situation`, noise [T, K, G] of standard deviation 1).
    """
    rng = np.random.default_rng((settings.seed, update))
    family, number = mixture.draw(rng), settings.trainees
    kinds = kinds_of(rng.choice(settings.optimizers, number))
    relative = np.exp(rng.uniform(*np.log(settings.rates), number))
    is_known = rng.random(number) < settings.total_steps_known
    situation = Situation(
        family.sample(rng, number), kinds, (kinds["usual_rate"] * relative).astype("float32"),
        is_known.astype("float32"), np.int32(_log_uniform(rng, settings.steps)),
    )  # fmt: skip
    shape = (settings.decisions, settings.copies, number)
    return family, situation, rng.normal(size=shape).astype("float32")


def held_out(settings, mixture):
    """What validations are made on: dict of (family's name, relative rate) to (family, `Situation`), of the seed alone.

    Optimizers take turns; the number of steps, the geometric middle of `settings.steps` between decisions, is known.
    """
    found, number = {}, settings.validation_trainees
    steps = np.int32(round(math.sqrt(settings.steps[0] * settings.steps[1])))
    for index, family in enumerate(mixture.families):
        instances = family.sample(np.random.default_rng((settings.seed, VALIDATION_STREAM, index)), number)
        kinds = kinds_of(np.resize(settings.optimizers, number))
        for rate in settings.validation_rates:
            first_rate = (kinds["usual_rate"] * rate).astype("float32")
            situation = Situation(instances, kinds, first_rate, np.ones(number, "float32"), steps)
            found[family.name, rate] = family, situation
    return found


def _log_uniform(rng, limits):
    return int(np.clip(round(math.exp(rng.uniform(*np.log(limits)))), *limits))
