"""Controllers: what samples pairs of architecture and hyperparameters, and learns from the ranks of their losses.

Axes: E coefficients of all bases one after the other, `sizes` those of each; M pairs so far.
"""

import numpy as np

from keras_hparam.autohas import encodings

NAMES = ("thompson", "policy_gradient")
_DRAWS = 4096  # of the posterior, for the probability that a candidate is the best of its basis


class Controller:
    """Base: the logits that stand for what is known, and all pairs with their losses.

    Args:
        sizes: list of ints.
        settings: `SearchSettings`.
    """

    def __init__(self, sizes, settings):
        self.sizes, self.settings = sizes, settings
        self.samples = np.zeros((0, sum(sizes)), "float32")
        self.losses = np.zeros(0)
        self.logits = np.zeros(sum(sizes))

    def sample(self, rng, number):
        """One-hot pairs [K, E] that differ, as far as there are so many."""
        found, tries = [], 0
        while len(found) < number:
            pair = self._draw(rng)
            tries += 1
            if tries > 50 * number or not any(np.array_equal(pair, other) for other in found):
                found.append(pair)
        return np.stack(found)

    def learn(self, samples, losses):
        """Takes in pairs [K, E] and their losses [K], NaN for one that diverged."""
        self.samples = np.concatenate([self.samples, samples])
        self.losses = np.concatenate([self.losses, losses])
        self.logits = self._updated(samples, losses)

    def arrays(self):
        """What a checkpoint holds."""
        return {"samples": self.samples, "losses": self.losses, "logits": self.logits}

    def restore(self, arrays):
        """Goes on from `arrays`."""
        self.samples, self.losses, self.logits = (arrays[name] for name in ("samples", "losses", "logits"))


class PolicyGradient(Controller):
    """REINFORCE with rank rewards: logits move by the mean of (r − r̄)(z − p) over the pairs of a round.

    Sources: Williams 1992; US20210383223A1 (the description's reinforcement learning); ranks as in natural evolution
    strategies, Wierstra et al. 2014.
    """

    def _draw(self, rng):
        return encodings.sample(rng, self.logits, self.sizes, 1)[0]

    def _updated(self, samples, losses):
        rewards = encodings.rank_rewards(losses)
        p = np.asarray(encodings.probabilities(self.logits, self.sizes))
        return self.logits + self.settings.sampling_rate * np.mean(
            (rewards - rewards.mean())[:, None] * (samples - p), axis=0
        )


class Thompson(Controller):
    """Thompson sampling: rewards are a sum of one effect for each candidate, of normal prior and noise.

    A pair is the best under effects drawn from the posterior. The encoding is the probability that each candidate is
    the best of its basis. One pair tells of as many candidates as there are bases, so that few pairs are enough.

    Sources: Thompson 1933; Agrawal & Goyal 2013, arXiv 1209.3352 (linear payoffs); Russo et al. 2018, arXiv 1707.02038.
    """

    _PRIOR, _NOISE = 0.3, 0.15  # deviations, of rewards in [−½, ½]

    def posterior(self):
        """(mean [E], covariance [E, E]) of the effects."""
        z = self.samples.astype("float64")
        precision = z.T @ z / self._NOISE**2 + np.eye(len(self.logits)) / self._PRIOR**2
        covariance = np.linalg.inv(precision)
        return covariance @ (z.T @ encodings.rank_rewards(self.losses)) / self._NOISE**2, covariance

    def _draw(self, rng):
        mean, covariance = self.posterior()
        return encodings.one_hot(rng.multivariate_normal(mean, covariance, method="cholesky"), self.sizes)

    def _updated(self, samples, losses):
        mean, covariance = self.posterior()
        rng = np.random.default_rng(0)  # of an integral, the same each time
        draws = rng.multivariate_normal(mean, covariance, size=_DRAWS, method="cholesky")
        return np.log(encodings.one_hot(draws, self.sizes).mean(axis=0) + 0.5 / _DRAWS)


def make(name, sizes, settings):
    """The controller of a name."""
    return {"thompson": Thompson, "policy_gradient": PolicyGradient}[name](sizes, settings)
