"""Rules for the tests of meta-training, small enough that their trajectories have closed forms."""

import numpy as np
from keras import ops


class GradientDescent:
    """p − exp(θ_0 + h) · gradient, where h is 0, or `known` if it is told the number of steps."""

    num_parameters = 1

    def __init__(self, rate=0.1, known=0.0):
        self.rate, self.known = rate, known

    def initial(self, seed):
        return np.array([np.log(self.rate)], "float32")

    def init(self, parameters, batch_rank=0):
        return ()

    def step(self, theta, state, parameters, gradients, losses, step, total_steps):
        rates = ops.exp(theta[:, 0] + ops.where(total_steps > 0, self.known, 0.0))
        return [p - _like(rates, p) * g for p, g in zip(parameters, gradients, strict=True)], state

    def to_dict(self):
        return {"rate": self.rate, "known": self.known}


class Momentum(GradientDescent):
    """m ← sigmoid(θ_1) m + gradient, p − exp(θ_0) m; its state is a dict."""

    num_parameters = 2

    def initial(self, seed):
        return np.array([np.log(self.rate), -1.0], "float32")

    def init(self, parameters, batch_rank=0):
        return {"momentum": [ops.zeros_like(p) for p in parameters], "count": ops.zeros((), "int32")}

    def step(self, theta, state, parameters, gradients, losses, step, total_steps):
        decay = ops.sigmoid(theta[:, 1])
        momenta = [_like(decay, m) * m + g for m, g in zip(state["momentum"], gradients, strict=True)]
        rates = ops.exp(theta[:, 0])
        parameters = [p - _like(rates, p) * m for p, m in zip(parameters, momenta, strict=True)]
        return parameters, {"momentum": momenta, "count": state["count"] + 1}


def _like(values, tensor):
    return ops.reshape(values, (-1, *(1,) * (len(tensor.shape) - 1)))
