"""The members of a trained ensemble as plain Keras models: their kernels and biases, computed once.

Axes: K members, P columns of hyperparameters.
"""

import keras

from keras_hparam.ensembles import conversion_plan


def fold(converted, encoded, ensemble_size):
    """K models of the original architecture with the members' weights.

    Args:
        converted: `conversion.Converted`.
        encoded: [K, P], the hyperparameters of each member as they are embedded; None where there are none.
        ensemble_size: int, K.
    """
    weights = {part.path: _weights_of_members(part, encoded, ensemble_size) for part in converted.parts}
    return [_member(converted.model, weights, index) for index in range(ensemble_size)]


def _member(model, weights, index):
    clone = keras.models.clone_model(model)
    clone.name = f"{model.name}_member_{index}"
    for path, layer in conversion_plan.walk(clone):
        if path in weights:
            layer.set_weights(weights[path][index])
    return clone


def _weights_of_members(part, encoded, ensemble_size):
    """For each member the list of arrays that the original layer's `set_weights` takes."""
    if part.conversion == "independent":
        return [member.get_weights() for member in part.converted.members]
    if part.conversion == "shared":
        return [part.converted.get_weights()] * ensemble_size
    kernels, biases = part.converted.member_weights(encoded)
    return [
        [kernels[index]] if biases is None else [kernels[index], biases[index]] for index in range(ensemble_size)
    ]
