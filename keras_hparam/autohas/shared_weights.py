"""Iterations on shared weights: their training, and what one step ahead tells of the encodings.

Axes: E logits and coefficients of all bases; otherwise as of `supernet`.
"""

import numpy as np
from keras import ops, tree

from keras_hparam.autohas import encodings, look_ahead
from keras_hparam.autohas.mixtures import sampled_paths
from keras_hparam.ops.differentiation import value_and_gradient


class SharedWeights:
    """Compiled programs of one sample of an iteration each. None changes a state: results are returned.

    Args:
        supernet: `Supernet`.
        devices: of `distribute.programs.create`; each replica computes another sample.
        settings: `SearchSettings`.
    """

    def __init__(self, supernet, devices, settings):
        self.supernet, self.settings = supernet, settings
        self.sizes = [len(basis) for basis in supernet.bases]
        self.sets = look_ahead.gradient_sets(supernet, settings.enumerate_all)
        self.gradient = devices.compile(self._gradient)
        self.sampled_step = devices.compile(self._sampled_step)
        self.encoding_gradient = devices.compile(self._encoding_gradient)
        self.apply = devices.compile(supernet.advance)

    def coefficients(self, logits, noise, temperature):
        """The relaxed coefficients [E] of logits, as an array."""
        found = encodings.relaxed(logits, self.sizes, self.settings.relaxation, temperature, noise)
        return ops.convert_to_numpy(found)

    def _gradient(self, state, coefficients, x, y, shares):
        """(loss [1], gradients, others) of one minibatch under a mixture."""
        loss, gradients, others = self.supernet.gradient(state, coefficients, x, y, shares)
        return ops.reshape(loss, (1,)), gradients, others

    def _sampled_step(self, state, coefficients, x, y, shares, held_x, held_y, factor):
        """(validation loss [1], right share [1], gradients, others) of one sampled pair.

        Temporary weights go one step from the shared ones; only the gradient of that step leaves.
        """
        with sampled_paths():
            _, gradients, others = self.supernet.gradient(state, coefficients, x, y, shares)
            moved = self.supernet.advance(state, gradients, others, coefficients, factor)["trained"]
            loss, right = self.supernet.validation(moved, others, coefficients, held_x, held_y)
        return ops.reshape(loss, (1,)), ops.reshape(right, (1,)), gradients, others

    def _encoding_gradient(self, logits, noise, temperature, entropy, state, x, y, shares, held_x, held_y, factor):
        """(validation loss [1], right share [1], gradient by the logits [1, E]) one step ahead."""

        def loss(logits):
            coefficients = encodings.relaxed(logits, self.sizes, self.settings.relaxation, temperature, noise)
            found, right = look_ahead.validation_loss(
                self.supernet, state, coefficients, (x, y, shares), (held_x, held_y), factor, self.sets,
                self.settings.second_order,
            )  # fmt: skip
            return found - entropy * ops.sum(encodings.entropies(logits, self.sizes)), (found, right)

        (_, (found, right)), gradient = value_and_gradient(loss, has_aux=True)(logits)
        return ops.reshape(found, (1,)), ops.reshape(right, (1,)), gradient[None]


def average(parts):
    """The mean of several structures of tensors; integers of the first."""
    if len(parts) == 1:
        return parts[0]

    def mean(*tensors):
        if "float" not in str(tensors[0].dtype):
            return tensors[0]
        return sum(tensors[1:], tensors[0]) / len(tensors)

    return tree.map_structure(mean, *parts)


def architecture_mask(supernet):
    """1 for coefficients of architecture bases, 0 for those of hyperparameters: float32 [E]."""
    return np.concatenate([np.full(len(b), float(b.kind == "architecture"), "float32") for b in supernet.bases])
