"""Training steps under JAX: one device, pure compiled functions, batches made by a thread; no TensorFlow."""

import collections
import concurrent.futures

import jax

from keras_hparam.optformer import losses
from keras_hparam.optformer.evaluation import held_out_sums

BATCHES_AHEAD = 8


def prefetched(make, first, last, ahead=BATCHES_AHEAD):
    """make(first) … make(last - 1) in order, up to `ahead` of them made by a thread before they are asked for."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        waiting = collections.deque()
        try:
            for number in range(first, last):
                waiting.append(pool.submit(make, number))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # nobody asks for them any more
                future.cancel()


class JaxEngine:
    """An engine for one device, see `engines`.

    Every shape of a batch is compiled for; what JAX_COMPILATION_CACHE_DIR names keeps that for later runs.

    Args:
        make, loss_weights, pad: as of `engines.create`.
    """

    is_chief = True

    def __init__(self, make, loss_weights, pad):
        self.model, self.optimizer = make(1)
        self._loss_weights, self._pad = loss_weights, pad
        self._compiled_step, self._compiled_sums = jax.jit(self._pure_step), jax.jit(self._pure_sums)

    def batches(self, make_batch, first_step, steps):
        """The batches of steps first_step..steps - 1; make_batch: callable (step, shard, num_shards)."""
        return prefetched(lambda step: self._pad(make_batch(step, 0, 1)), first_step, steps)

    def step(self, batch):
        """One step of descent: mean losses by name."""
        variables = self._variables()
        means, changed = self._compiled_step(_values(variables), batch)
        for group, values in changed.items():
            for variable, value in zip(variables[group], values, strict=True):
                variable.assign(value)
        return means

    def evaluate(self, batch):
        """(Σ w x, Σ w) by name."""
        return self._compiled_sums(_values(self._variables()), batch)

    def _variables(self):
        model = self.model
        return {
            "trainable": model.trainable_variables, "frozen": model.non_trainable_variables,
            "optimizer": self.optimizer.variables,
        }  # fmt: skip

    def _function(self, trainable, frozen):
        """The model with other values of its variables, a pure function."""
        return lambda batch: self.model.stateless_call(trainable, frozen, batch)[0]

    def _pure_step(self, values, batch):
        def loss(trainable):
            sums = losses.study_losses(self._function(trainable, values["frozen"]), batch)
            means = {name: losses.mean(*pair) for name, pair in sums.items()}
            return sum(self._loss_weights[name] * value for name, value in means.items()), means

        (_, means), gradients = jax.value_and_grad(loss, has_aux=True)(values["trainable"])
        trainable, optimizer = self.optimizer.stateless_apply(values["optimizer"], gradients, values["trainable"])
        return means, {"trainable": trainable, "optimizer": optimizer}

    def _pure_sums(self, values, batch):
        return held_out_sums(self._function(values["trainable"], values["frozen"]), batch)


def _values(variables):
    return {group: [variable.value for variable in members] for group, members in variables.items()}
