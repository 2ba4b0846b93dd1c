"""Short trainings of sampled pairs of architecture and hyperparameters, from the same weights on the same minibatches.

Axes: K samples, E coefficients, h steps of a program call, v validation minibatches; otherwise as of `supernet`.
"""

import numpy as np
from keras import ops, tree

from keras_hparam.autohas.mixtures import sampled_paths


def cosine(step, steps):
    """½ (1 + cos(π t / T)), which rates are multiplied by.

    Args:
        step: int or int array, t.
        steps: int ≥ 1, T.
    """
    return (0.5 * (1.0 + np.cos(np.pi * np.minimum(step, steps) / steps))).astype("float32")


class Trials:
    """Programs that train and judge one sampled pair; compiled once.

    Args:
        supernet: `Supernet`.
        devices: of `distribute.programs.create`; samples are divided among replicas.
        chunk: int, h.
    """

    def __init__(self, supernet, devices, chunk):
        self.supernet, self.devices, self.chunk = supernet, devices, chunk
        self._train = devices.compile(_as_sampled(self._train_chunk))
        self._judge = devices.compile(_as_sampled(self._judge_all))

    def run(self, state, samples, batches, held_out, first, steps, decays):
        """(losses [K], right shares [K]) on validation data after `steps` steps of each sample; NaN where it diverged.

        Args:
            state: of the supernet, from which each begins.
            samples: one-hot coefficients, array [K, E].
            batches: `TrainingBatches`.
            held_out: (x [v, b, …], y [v, b, …]).
            first: int, the minibatch to begin with.
            steps: int, a multiple of the chunk.
            decays: bool, whether rates fall along a cosine to 0.
        """
        replicas = self.devices.number
        groups = [
            np.resize(np.arange(i, min(i + replicas, len(samples))), replicas) for i in range(0, len(samples), replicas)
        ]
        coefficients = [self.devices.scatter(lambda r, g=group: samples[g[r]]) for group in groups]
        states = [self.devices.scatter(lambda r: tree.map_structure(ops.convert_to_tensor, state)) for _ in groups]
        for start in range(0, steps, self.chunk):
            x, y, shares = batches.stack(first + start, self.chunk)
            at = np.arange(start, start + self.chunk)
            factors = cosine(at, steps) if decays else np.ones(self.chunk, "float32")
            x, y, shares, factors = (ops.convert_to_tensor(a) for a in (x, y, shares, factors))
            states = [self._train(s, c, x, y, shares, factors) for s, c in zip(states, coefficients, strict=True)]
        x, y = (ops.convert_to_tensor(part) for part in held_out)
        found = [self._judge(s, c, x, y) for s, c in zip(states, coefficients, strict=True)]
        rows = [np.concatenate([self.devices.gather(f[i]).reshape(-1) for f in found]) for i in range(2)]
        kept = np.concatenate([np.arange(replicas) < len(set(group)) for group in groups])
        losses, rights = (row[kept] for row in rows)
        return np.where(np.isfinite(losses), losses, np.nan), rights

    def _train_chunk(self, state, coefficients, x, y, shares, factors):
        def body(i, state):
            return i + 1, self.supernet.step(state, coefficients, x[i], y[i], shares[i], factors[i])[0]

        return ops.while_loop(lambda i, state: i < x.shape[0], body, (0, state))[1]

    def _judge_all(self, state, coefficients, x, y):
        def body(i, loss, right):
            found = self.supernet.validation(state["trained"], state["others"], coefficients, x[i], y[i])
            return i + 1, loss + found[0], right + found[1]

        zero = ops.zeros((), "float32")
        _, loss, right = ops.while_loop(lambda i, *_: i < x.shape[0], body, (0, zero, zero))
        return ops.reshape(loss / x.shape[0], (1,)), ops.reshape(right / x.shape[0], (1,))


def _as_sampled(function):
    def run(*arguments):
        with sampled_paths():
            return function(*arguments)

    return run
