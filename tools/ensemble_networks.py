"""Networks whose ensembles are trained: a perceptron and a LeNet for images, a small perceptron for tables.

Axes: n examples. A classifier gives logits [n, classes]; a regression gives the mean and the log-variance [n, 2] of a
Gaussian. Every network has one Dropout, before its last layer (Wenzel et al. 2020, "Hyperparameter Ensembles for
Robustness and Uncertainty Quantification").
"""

import functools

import keras

from keras_hparam import errors

L2_LAYERS = {
    "mlp": ("hidden_1", "hidden_2", "output"),
    "lenet": ("conv_1", "conv_2", "hidden", "output"),
    "table_mlp": ("hidden", "output"),
}


def build(network, input_shape, num_outputs, l2=0.0, dropout=0.1):
    """A model that is not compiled.

    Args:
        network: "mlp" (two hidden layers of 200 ReLU), "lenet" (two convolutions of 5 x 5 with 6 and 16 filters, each
            pooled, and a hidden layer of 120) or "table_mlp" (one hidden layer of 50).
        input_shape: shape of one example.
        num_outputs: int, classes, or 2 for a Gaussian.
        l2: weight of each layer's squared kernel in the loss, one number or a dict by the names in `L2_LAYERS`.
        dropout: rate in [0, 1).

    Raises:
        InvalidArgumentError: for an unknown network, or layers in `l2` that are not the network's.

    Example:

    ```python
    model = build("mlp", (28, 28, 1), 10, l2={"hidden_1": 1e-5, "hidden_2": 1e-5, "output": 1e-4}, dropout=0.2)
    ```
    """
    if network not in L2_LAYERS:
        raise errors.InvalidArgumentError(f"Expected `network` to be one of {(*L2_LAYERS,)}. Received: {network!r}.")
    l2 = l2 if isinstance(l2, dict) else dict.fromkeys(L2_LAYERS[network], l2)
    if set(l2) != set(L2_LAYERS[network]):
        raise errors.InvalidArgumentError(f"Expected `l2` to name {L2_LAYERS[network]}. Received: {(*l2,)}.")
    hidden = {"mlp": _mlp, "lenet": _lenet, "table_mlp": _table_mlp}[network]
    output = _regularized(keras.layers.Dense, l2, "output", num_outputs)
    dropped = keras.layers.Dropout(dropout, name="dropout")
    return keras.Sequential([keras.Input(input_shape), *hidden(l2), dropped, output], name=network)


def _regularized(layer, l2, name, *args, **kwargs):
    """A layer with its L2; none for exactly 0, which would only cost time."""
    regularizer = keras.regularizers.L2(l2[name]) if l2[name] else None
    return layer(*args, name=name, kernel_regularizer=regularizer, **kwargs)


def _mlp(l2):
    dense = functools.partial(_regularized, keras.layers.Dense, l2)
    names = L2_LAYERS["mlp"][:-1]
    return [keras.layers.Flatten(), *(dense(name, 200, activation="relu") for name in names)]


def _lenet(l2):
    conv = functools.partial(_regularized, keras.layers.Conv2D, l2)
    layers = []
    for name, filters in (("conv_1", 6), ("conv_2", 16)):
        layers += [conv(name, filters, 5, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    hidden = _regularized(keras.layers.Dense, l2, "hidden", 120, activation="relu")
    return [*layers, keras.layers.Flatten(), hidden]


def _table_mlp(l2):
    return [_regularized(keras.layers.Dense, l2, "hidden", 50, activation="relu")]
