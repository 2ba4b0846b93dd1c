"""Trainings that a controller learns from: many trainees at once as one program, with a decision every so many steps.

A family of tasks gives the trainees, see `keras_hparam.tasks`. Copies of a trainee differ in the random part of the
controller's actions only. The first steps are made with the initial rate; then decisions and steps follow each other.

Source: US20210034973A1; Xu et al. 2019, arXiv 1909.09712.

Axes: K copies of a trainee, G trainees, T decisions, F features, n examples, O outputs.
"""

from typing import NamedTuple

from keras import ops

from keras_hparam.learned_schedules import decisions, observation
from keras_hparam.learned_schedules.observation import Measurements
from keras_hparam.learned_schedules.training import trainees
from keras_hparam.ops.differentiation import value_and_gradient

WORST = 3.0  # normalised loss of a training that is no longer finite


class Situation(NamedTuple):
    """What differs between rollouts.

    Attributes:
        instances: of a family's `sample` of G.
        kinds: optimizers [G], of `trainees.kinds_of`.
        first_rate: float [G] > 0.
        is_known: float [G] of 0 and 1, whether the controller is told the number of steps.
        steps: int >= 1, between two decisions.
    """

    instances: dict
    kinds: dict
    first_rate: object
    is_known: object
    steps: object


class Rollout(NamedTuple):
    """What happened in the trainings.

    Attributes:
        features: float [T, K, G, F], what the controller saw.
        means: float [T, K, G], what it said.
        actions: float [T, K, G], what was done.
        rates: float [T, K, G], after each decision, without the base's factor.
        losses: float [T + 1, K, G], normalised validation losses, before each decision and at the end.
        final: float [K, G], validation losses at the end.
    """

    features: object
    means: object
    actions: object
    rates: object
    losses: object
    final: object


class _Training(NamedTuple):
    """The state of trainings between steps; rate without the base's factor, length of an update over its rate."""

    parameters: list
    moments: tuple
    rate: object
    length: object
    step: object


def rollout(family, config, cap, controller, states, situation, noise):
    """Trains all trainees, with T decisions of the controller: `Rollout`.

    Args:
        family: `SupervisedTasks`.
        config: `ControllerConfig`.
        cap: float > 0, see `decisions.capped`; None for none.
        controller: callable (features [K·G, F], states) -> (actions' means [K·G], states).
        states: of the controller before the first decision.
        situation: `Situation`, of tensors.
        noise: float [T, K, G], added to the means.
    """
    copies, number = noise.shape[1:]
    total = ops.cast((noise.shape[0] + 1) * situation.steps, "float32")
    training = _begin(family, situation, copies)
    see = _Observer(family, config, situation)

    def decide(decision, training, states, remembered, record):
        training, before = _Training(*training), see.outputs(training[0])
        training, loss = _steps(family, config, cap, situation, training, total)
        measured, validation_loss = see.measure(training, loss, before)
        share = ops.cast(training.step, "float32") / total
        features, remembered = see.features(remembered, measured, share)
        means, states = controller(ops.reshape(features, (copies * number, -1)), states)
        means = ops.reshape(means, (copies, number))
        actions = means + ops.take(noise, decision, axis=0)
        rate = decisions.next_rate(config, training.rate, situation.first_rate, actions)
        found = (features, means, actions, rate, see.normalized(validation_loss))
        record = [
            ops.slice_update(kept, (decision, *(0,) * len(new.shape)), new[None])
            for kept, new in zip(record, found, strict=True)
        ]
        return decision + 1, tuple(training._replace(rate=rate)), states, remembered, record

    remembered = observation.initial_state(config, (copies, number))
    record = [ops.zeros((*noise.shape, observation.num_features(config)))] + [ops.zeros(noise.shape) for _ in range(4)]
    _, training, _, _, record = ops.while_loop(
        lambda decision, *_: decision < noise.shape[0], decide,
        (ops.zeros((), "int32"), tuple(training), states, remembered, record),
    )  # fmt: skip
    training, _ = _steps(family, config, cap, situation, _Training(*training), total)
    final = see.validation_loss(see.outputs(training.parameters))
    *seen, losses = record
    return Rollout(*seen, ops.concatenate([losses, see.normalized(final)[None]]), final)


def _begin(family, situation, copies):
    """The trainings before their first step, with the length of what would be the first update."""
    parameters = [ops.convert_to_tensor(p) for p in situation.instances["parameters"]]
    parameters = [ops.broadcast_to(p[None], (copies, *p.shape)) for p in parameters]
    moments, step = trainees.init(parameters), ops.zeros((), "int32")
    rate = ops.broadcast_to(situation.first_rate[None], (copies, *situation.first_rate.shape))
    _, gradients = _gradients(family, situation, parameters, step)
    _, _, length = trainees.update(situation.kinds, moments, parameters, gradients, rate, step)
    return _Training(parameters, moments, rate, length, step)


def _gradients(family, situation, parameters, step):
    return value_and_gradient(lambda found: family.loss(found, situation.instances, step))(parameters)


def _steps(family, config, cap, situation, training, total):
    """(trainings after the steps between two decisions, mean of their losses [K, G])."""
    last = training.step + situation.steps

    def body(loss, training):
        training = _Training(*training)
        factor = decisions.base_factor(config, training.step, total)
        factor = ops.where(situation.is_known > 0, factor, ops.ones_like(situation.is_known))
        rate = training.rate
        if cap is not None:  # what the cap takes from the rate, it does not get back
            weights = trainees.norm(training.parameters)
            rate = decisions.capped(rate * factor, weights, training.length, cap) / factor
        losses, gradients = _gradients(family, situation, training.parameters, training.step)
        parameters, moments, length = trainees.update(
            situation.kinds, training.moments, training.parameters, gradients, rate * factor, training.step
        )
        return loss + losses, tuple(_Training(parameters, moments, rate, length, training.step + 1))

    loss, training = ops.while_loop(
        lambda loss, training: training[-1] < last, body, (ops.zeros_like(training.rate), tuple(training))
    )
    return _Training(*training), loss / ops.cast(situation.steps, "float32")


class _Observer:
    """What is measured of trainings between decisions, on their validation examples."""

    def __init__(self, family, config, situation):
        self.family, self.config, self.situation = family, config, situation
        self.needed = observation.needed(config)
        x = situation.instances["x"]
        axes = tuple(range(1, len(x.shape)))
        self.inputs = ops.mean(x, axis=axes), ops.var(x, axis=axes)

    def outputs(self, parameters):
        return self.family.outputs(parameters, self.situation.instances["x_validation"])

    def validation_loss(self, outputs):
        return self.family.mean_loss(outputs, self.situation.instances["y_validation"])

    def normalized(self, losses):
        found = self.family.normalize(losses, self.situation.instances)
        return ops.where(ops.isfinite(found), found, WORST)

    def measure(self, training, training_loss, before):
        """(`Measurements`, validation losses [K, G])."""
        after = self.outputs(training.parameters)
        validation_loss = self.validation_loss(after)
        before, after = (self.family.predictions(outputs) for outputs in (before, after))
        layer = training.parameters[self.family.layer]
        axes = tuple(range(2, len(layer.shape)))
        spread = ops.ones_like(training.rate)
        found = {
            "rate": training.rate, "training_loss": training_loss, "validation_loss": validation_loss,
            "layer_mean": ops.mean(layer, axis=axes), "layer_variance": ops.var(layer, axis=axes),
            "outputs_before": ops.var(before, axis=(2, 3)), "outputs_after": ops.var(after, axis=(2, 3)),
            "outputs_change": ops.var(after - before, axis=(2, 3)),
            "inputs_mean": self.inputs[0] * spread, "inputs_variance": self.inputs[1] * spread,
        }  # fmt: skip
        return Measurements(**{name: found[name] for name in self.needed}), validation_loss

    def features(self, remembered, measured, share):
        """(features [K, G, F], what is remembered); the share counts for those that are told it."""
        share = ops.where(self.situation.is_known > 0, share, -1.0)
        return observation.observe(self.config, remembered, measured, share)
