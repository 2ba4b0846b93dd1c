"""How an OptFormer is trained, as numbers; the learning rate of every step."""

import dataclasses

import numpy as np

from keras_hparam import errors

PRECISIONS = ("float32", "mixed_bfloat16")
HELD_OUT_SEED = 1_000_003  # of the studies that evaluations are made on; never a seed of training
BESIDE_THE_COURSE = ("steps", "checkpoint_every", "log_every", "evaluate_every")  # settings that change no weights


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How an OptFormer is trained.

    Args:
        steps: training steps in all.
        learning_rate: peak rate of AdamW.
        warmup_steps: steps of linear warm-up.
        decay_share: share of the steps, at the end, in which the rate falls to 0 along a cosine.
        weight_decay: of AdamW.
        clipnorm: bound on each gradient's global norm.
        value_weight: weight of parameter-value tokens in the loss; objective tokens weigh 1.
        precision: dtype policy of the network, "float32" or "mixed_bfloat16"; weights and logits are float32 in both.
        seed: of the weights and the batches, any but `HELD_OUT_SEED`.
        checkpoint_every, log_every: steps.
        evaluate_every: steps between evaluations on held-out studies; one more is made at the end. 0: none at all.

    Raises:
        InvalidArgumentError: for numbers out of range.
    """

    steps: int = 10000
    learning_rate: float = 1.5e-3
    warmup_steps: int = 200
    decay_share: float = 0.25
    weight_decay: float = 0.01
    clipnorm: float = 1.0
    value_weight: float = 0.25
    precision: str = "float32"
    seed: int = 0
    checkpoint_every: int = 500
    log_every: int = 50
    evaluate_every: int = 500

    def __post_init__(self):
        for name in ("steps", "learning_rate", "clipnorm", "value_weight", "checkpoint_every", "log_every"):
            if not getattr(self, name) > 0:
                raise errors.InvalidArgumentError(f"Expected `{name}` > 0. Received: {getattr(self, name)}.")
        for name in ("warmup_steps", "weight_decay", "evaluate_every", "seed"):
            if not getattr(self, name) >= 0:
                raise errors.InvalidArgumentError(f"Expected `{name}` >= 0. Received: {getattr(self, name)}.")
        if self.seed == HELD_OUT_SEED:
            raise errors.InvalidArgumentError(
                f"Expected `seed` to be another than that of the held-out studies. Received: {self.seed}."
            )
        if self.precision not in PRECISIONS:
            raise errors.InvalidArgumentError(
                f"Expected `precision` to be one of {PRECISIONS}. Received: {self.precision!r}."
            )
        if not 0.0 <= self.decay_share <= 1.0:
            raise errors.InvalidArgumentError(f"Expected `decay_share` in [0, 1]. Received: {self.decay_share}.")


def learning_rate(step, settings):
    """Rate at a step: linear warm-up, constant, then half a cosine to 0 over the last `decay_share` of the steps."""
    warmup = min(1.0, (step + 1) / max(settings.warmup_steps, 1))
    left = (settings.steps - step) / max(settings.decay_share * settings.steps, 1e-9)
    return settings.learning_rate * warmup * (0.5 - 0.5 * np.cos(np.pi * min(left, 1.0)))


def same_course(before, now, step):
    """Whether a training that took `step` steps under settings `before` is one of settings `now` up to there.

    The number of steps may differ as long as neither has begun to decay.

    Args:
        before, now: dicts of the fields of `TrainingSettings`.
        step: int.
    """
    shape_it = [name for name in now if name not in BESIDE_THE_COURSE]
    decay_begins = (1.0 - now["decay_share"]) * min(before["steps"], now["steps"])
    same_length = before["steps"] == now["steps"] or step <= decay_begins
    return same_length and all(name in before and before[name] == now[name] for name in shape_it)
