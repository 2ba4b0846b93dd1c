"""How an optimizer network's two outputs become an update of a parameter, and how its scale falls.

Source: US20220253704A1, claims 13 to 15.
"""

import math

from keras import ops


def step(direction, magnitude, alpha, beta=1.0, gamma=1.0):
    """The update α·d·sigmoid(β·m·γ): the direction d, its size held between 0 and α·|d| by the magnitude m.

    At m = 0 it is α·d/2.

    Args:
        direction, magnitude: tensors [...], d and m.
        alpha, beta, gamma: numbers, or tensors that broadcast to [...].

    Returns:
        Tensor [...], to be subtracted from a parameter if d follows its gradient.

    Example:

    ```python
    step(np.ones(3), np.zeros(3), alpha=0.02)  # 0.01 everywhere
    ```
    """
    return alpha * direction * ops.sigmoid(beta * gamma * magnitude)


def decay(kind, step, total_steps=None, decay_steps=100.0):
    """The factor of α at a step s.

    For "none" it is 1; for "annealed" ½(1 + cos(π s / total)) where the number of steps is known, otherwise
    1 / sqrt(1 + s / decay_steps).

    Args:
        kind: "none" or "annealed".
        step: float scalar tensor ≥ 0, the number s of this step.
        total_steps: scalar tensor or number; None, or not above 0: unknown.
        decay_steps: float > 0.

    Source: Loshchilov & Hutter 2017, arXiv 1608.03983; Vaswani et al. 2017, arXiv 1706.03762.

    Example:

    ```python
    decay("annealed", 50.0, total_steps=100)  # 0.5
    decay("annealed", 300.0)  # 0.5
    ```
    """
    step = ops.convert_to_tensor(step)
    if kind == "none":
        return ops.ones((), step.dtype)
    total = ops.cast(0.0 if total_steps is None else total_steps, step.dtype)
    share = ops.minimum(step / ops.maximum(total, 1.0), 1.0)
    cosine, root = 0.5 * (1.0 + ops.cos(math.pi * share)), ops.rsqrt(1.0 + step / decay_steps)
    return ops.where(total > 0, cosine, root)
