"""Iterations on shared weights: a step of the weights on training data, then what validation data say of encodings.

Axes: E coefficients of all bases, S samples of an iteration.
"""

import numpy as np

from keras_hparam import errors
from keras_hparam.autohas import encodings
from keras_hparam.autohas.shared_weights import SharedWeights, average
from keras_hparam.autohas.trials import cosine

_NOISE = 2  # a stream of random numbers, beside that of rounds


class Iterations:
    """The shared weights and their training.

    Args:
        supernet: `Supernet`; devices: of `distribute.programs.create`; settings: `SearchSettings`.
        batches: `TrainingBatches`; validation: `Examples`.
        total: int ≥ 1, iterations in all.
        decays: bool, whether rates fall along a cosine.

    Attributes:
        state: of the supernet.
        rates: list of floats, the learning rate of each iteration so far.
        gradients: int, gradients by weights so far, of one minibatch each.
        skipped: int, samples that were not finite.
        baseline: float, moving average of the rewards; None before the first.
    """

    def __init__(self, supernet, devices, settings, batches, validation, total, decays):
        self.supernet, self.devices, self.settings = supernet, devices, settings
        self.batches, self.validation, self.total, self.decays = batches, validation, total, decays
        self.programs = SharedWeights(supernet, devices, settings)
        self.sizes = [len(basis) for basis in supernet.bases]
        self.state = supernet.initial_state()
        self.rates, self.gradients, self.skipped, self.baseline = [], 0, 0, None

    def run(self, iteration, logits):
        """(figures, gradient [E] of what is minimised by the logits, or None while weights warm up).

        Args:
            iteration: int, from 0.
            logits: float32 array [E].
        """
        rng = np.random.default_rng([self.settings.seed, _NOISE, iteration])
        factor = cosine(iteration, self.total) if self.decays else np.float32(1.0)
        step = self._sampled if self.settings.method == "reinforce" else self._relaxed
        figures, gradient = step(iteration, logits, factor, rng)
        return figures, None if iteration < self.settings.warm_up * self.total else gradient

    def _sampled(self, iteration, logits, factor, rng):
        """REINFORCE: pairs on the same minibatches; the shared weights take the mean of their gradients."""
        samples = encodings.sample(rng, logits, self.sizes, self.settings.samples)
        data = self._minibatch(iteration)
        found = self.devices.each(self.programs.sampled_step, [(self.state, one, *data, factor) for one in samples])
        losses, rights = (np.array([float(one[i][0]) for one in found]) for i in range(2))
        good = np.isfinite(losses)
        self._count(good)
        if not good.any():
            return {}, None
        probabilities = np.asarray(encodings.probabilities(logits, self.sizes))
        rewards = rights if self.settings.reward == "accuracy" else -losses
        mean = float(rewards[good].mean())
        before = mean if self.baseline is None else self.baseline
        self.baseline = before + (1 - self.settings.ema) * (mean - before)
        advantages = np.where(good, rewards - self.baseline, 0.0)
        gradient = -(advantages[:, None] * (samples - probabilities)).sum(axis=0) / good.sum()
        entropy = self.settings.entropy_at(iteration / self.total)
        gradient = gradient - entropy * encodings.entropy_gradient(logits, self.sizes)
        self._advance(average([one[2:] for one, fine in zip(found, good, strict=True) if fine]), probabilities, factor)
        return {"validation_loss": float(losses[good].mean()), "accuracy": float(rights[good].mean())}, gradient

    def _relaxed(self, iteration, logits, factor, rng):
        """Gradients: the mixture's step, then the validation loss one step ahead of the new weights."""
        share, settings = iteration / self.total, self.settings
        noise = rng.gumbel(size=self.supernet.size).astype("float32")
        temperature, entropy = np.float32(settings.temperature_at(share)), np.float32(settings.entropy_at(share))
        coefficients = self.programs.coefficients(logits, noise, temperature)
        number = settings.samples if settings.is_one_step else 1
        data = [self._minibatch(iteration * number + i) for i in range(number)]
        with_one = self._with_one_augmentation(coefficients, rng)
        found = self.devices.each(self.programs.gradient, [(self.state, with_one, *one[:3]) for one in data])
        losses = np.array([float(one[0][0]) for one in found])
        if not np.isfinite(losses).all():
            raise errors.InvalidArgumentError(
                "Expected `learning_rate` with values whose mixture does not diverge. "
                f"Received: the training loss {losses.mean()} at iteration {iteration}."
            )
        self._advance(average([one[1:] for one in found]), coefficients, factor)
        self.gradients += number
        figures = {"loss": float(losses.mean())}
        if share < settings.warm_up:
            return figures, None
        arguments = [(logits, noise, temperature, entropy, self.state, *one, factor) for one in data]
        found = [
            [np.asarray(part)[0] for part in one]
            for one in self.devices.each(self.programs.encoding_gradient, arguments)
        ]
        good = np.array([np.isfinite(loss) and np.isfinite(gradient).all() for loss, _, gradient in found])
        self._count(good, len(self.programs.sets))
        if not good.any():
            return figures, None
        loss, right, gradient = (
            np.mean([one[i] for one, fine in zip(found, good, strict=True) if fine], axis=0) for i in range(3)
        )
        return figures | {"validation_loss": float(loss), "accuracy": float(right)}, gradient

    def _minibatch(self, step):
        """(x [A, b, …], y, shares, held-out x, held-out y) of a step."""
        x, y, shares = self.batches.stack(step, 1)
        return x[0], y[0], shares[0], *self.validation.at(step)

    def _with_one_augmentation(self, coefficients, rng):
        """The coefficients with one augmentation, drawn by its own."""
        where, found = self.supernet.slices["augmentation"], coefficients.copy()
        weights = found[where].astype("float64")
        found[where] = np.eye(len(weights))[rng.choice(len(weights), p=weights / weights.sum())]
        return found

    def _count(self, good, each=1):
        self.skipped += int((~good).sum())
        self.gradients += len(good) * each

    def _advance(self, gradients_and_others, coefficients, factor):
        gradients, others = gradients_and_others
        arguments = (self.state, gradients, others, coefficients.astype("float32"), factor)
        (self.state,) = self.devices.each(self.programs.apply, [arguments])
        basis = self.supernet.bases[self.supernet.names.index("learning_rate")]
        self.rates.append(float(factor) * float(basis.combine(coefficients[self.supernet.slices["learning_rate"]])))
