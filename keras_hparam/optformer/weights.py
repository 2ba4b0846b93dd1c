"""An OptFormer and its vocabulary on disk: weights without pickle, the tokenizer, a manifest."""

import numpy as np

from keras_hparam import checkpoints, errors
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.model import OptFormer
from keras_hparam.optformer.vocabulary import Vocabulary

KIND = "optformer"
RESIDUAL_OUTPUTS = ("attention/output/kernel", "contract/kernel", "contract/bias")  # what a block adds to its input
TOKENIZER_FILE = "tokenizer.model"


def save(directory, model, vocabulary, **facts):
    """Writes a directory that `load` reads.

    Args:
        directory: path; replaced if it exists.
        model: `OptFormer`.
        vocabulary: its `Vocabulary`.
        **facts: what the manifest says about the training: flag_file, seed, corpus, figures, …
    """
    arrays = {variable.path: np.asarray(variable) for variable in model.variables}
    config = model.get_config()["config"]
    files = {TOKENIZER_FILE: vocabulary.tokenizer}
    checkpoints.save_weights(directory, arrays, config, kind=KIND, files=files, **facts)


def load(weights):
    """(model, vocabulary) of a shipped name or a directory.

    Args:
        weights: a name of `keras_hparam.checkpoints.shipped()`, or a directory that `save` wrote.

    Raises:
        InvalidArgumentError: for an unknown name.
        CorruptFileError: for truncated, altered or foreign files.
    """
    arrays, config, manifest, files = checkpoints.load_weights(weights, kind=KIND)
    if TOKENIZER_FILE not in files:
        raise errors.CorruptFileError(f"Expected {TOKENIZER_FILE} in {weights!r}. Received: {sorted(files)}.")
    try:
        config = OptFormerConfig(**config)
        model = OptFormer(config)
    except (TypeError, ValueError) as error:
        raise errors.CorruptFileError(
            f"Expected the configuration of an OptFormer in the manifest of {weights!r}. Received: {error}"
        ) from error
    vocabulary = Vocabulary(files[TOKENIZER_FILE], config.num_bins, source=f"{TOKENIZER_FILE} in {weights!r}")
    expected = {variable.path: tuple(variable.shape) for variable in model.variables}
    received = {name: array.shape for name, array in arrays.items()}
    if expected != received or vocabulary.first_bin != config.first_bin:
        different = sorted(set(expected.items()) ^ set(received.items()))[:4]
        raise errors.CorruptFileError(
            f"Expected arrays and vocabulary of this OptFormer in {weights!r}. Received others, such as {different}."
        )
    for variable in model.variables:
        variable.assign(arrays[variable.path])
    return model, vocabulary


def grow(model, arrays):
    """Gives a model the weights of one that is as large or smaller, so that it begins as the same function.

    An array fills the first rows and columns of its variable, the others are 0. A block of the Transformer that the
    smaller model lacks adds nothing to its input until it is trained.

    Args:
        model: `OptFormer`, whose weights change.
        arrays: dict from variables' paths to arrays, as `checkpoints.load_weights` gives them.

    Raises:
        InvalidArgumentError: if an array has no variable or exceeds it.

    Source: function-preserving growth, Chen, Goodfellow & Shlens 2016, Net2Net, arXiv 1511.05641.
    """
    variables = {variable.path: variable for variable in model.variables}
    for name, array in arrays.items():
        shape = tuple(variables[name].shape) if name in variables else None
        if shape is None or len(shape) != array.ndim or any(a > b for a, b in zip(array.shape, shape, strict=True)):
            raise errors.InvalidArgumentError(
                f"Expected `arrays` of a model that is no larger than this one. Received: {name!r} of shape "
                f"{array.shape} for {shape}."
            )
        value = np.zeros(shape, array.dtype)
        value[tuple(map(slice, array.shape))] = array
        variables[name].assign(value)
    for name, variable in variables.items():
        if name not in arrays and name.endswith(RESIDUAL_OUTPUTS):
            variable.assign(np.zeros(variable.shape))
