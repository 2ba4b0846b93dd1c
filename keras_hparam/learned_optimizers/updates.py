"""How an optimizer network's two outputs become an update of a parameter.

Source: US20220253704A1, claims 13 to 15.
"""

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
