"""What a layer of an ensemble does with a batch and a kernel: a matrix product or a convolution.

Axes: N rows, I inputs, O outputs.
"""

import functools

import keras

from keras_hparam import errors
from keras_hparam.ops import hyper_batch_ensemble


def positive_integer(name, value):
    """The value as an int.

    Raises:
        InvalidArgumentError: that names the argument, unless it is an integer ≥ 1.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise errors.InvalidArgumentError(f"Expected `{name}` to be an integer ≥ 1. Received: {value!r}.")
    return int(value)


class DenseProduct:
    """The product of x [N, …, I] and a kernel [I, O].

    Args:
        units: int ≥ 1, O.
    """

    def __init__(self, units):
        self.units = positive_integer("units", units)
        self.outputs, self.apply = self.units, hyper_batch_ensemble.dense

    def kernel_shape(self, input_shape):
        """The shape of the kernel for inputs of that shape."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise errors.InvalidArgumentError(
                f"Expected `x` of shape [N, …, I] with a known number of inputs. Received: shape {tuple(input_shape)}."
            )
        return input_shape[-1], self.units

    def output_shape(self, input_shape):
        """The shape of the outputs for inputs of that shape."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """The arguments that make the product again."""
        return {"units": self.units}


class Conv2DProduct:
    """The convolution of images x [N, height, width, I] and a kernel [window height, window width, I, O].

    Args:
        filters: int ≥ 1, O.
        kernel_size, strides, dilation_rate: int ≥ 1 or a pair of them; strides and dilation cannot both exceed 1.
        padding: "valid" or "same".
        data_format: "channels_last" alone.
    """

    def __init__(self, filters, kernel_size, strides, padding, dilation_rate, data_format):
        if data_format not in (None, "channels_last"):
            raise errors.InvalidArgumentError(f'Expected `data_format` "channels_last". Received: {data_format!r}.')
        if padding not in ("valid", "same"):
            raise errors.InvalidArgumentError(f'Expected `padding` "valid" or "same". Received: {padding!r}.')
        self.filters, self.padding = positive_integer("filters", filters), padding
        self.kernel_size = _pair("kernel_size", kernel_size)
        self.strides, self.dilation_rate = _pair("strides", strides), _pair("dilation_rate", dilation_rate)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise errors.InvalidArgumentError(
                "Expected `strides` or `dilation_rate` to be 1: no backend has both. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}."
            )
        self.outputs = self.filters
        geometry = {"strides": self.strides, "padding": padding, "dilation_rate": self.dilation_rate}
        self.apply = functools.partial(hyper_batch_ensemble.conv2d, **geometry)
        self._plain = functools.partial(keras.layers.Conv2D, filters, self.kernel_size, **geometry)

    def kernel_shape(self, input_shape):
        """The shape of the kernel for inputs of that shape."""
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise errors.InvalidArgumentError(
                "Expected `x` of shape [N, height, width, I] with a known number of channels. "
                f"Received: shape {tuple(input_shape)}."
            )
        return *self.kernel_size, input_shape[-1], self.filters

    def output_shape(self, input_shape):
        """The shape of the outputs for inputs of that shape."""
        return self._plain(data_format="channels_last").compute_output_shape(input_shape)

    def get_config(self):
        """The arguments that make the product again."""
        names = ("filters", "kernel_size", "strides", "padding", "dilation_rate")
        return {name: getattr(self, name) for name in names} | {"data_format": "channels_last"}


def _pair(name, value):
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise errors.InvalidArgumentError(f"Expected `{name}` to be an integer or two. Received: {value!r}.")
    return tuple(positive_integer(name, item) for item in values)
