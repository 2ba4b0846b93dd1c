"""Loading saved ensembles."""

import keras

from keras_hparam.ensembles import deep_ensemble, hyper_batch_ensemble, hyper_deep  # noqa: F401  (registers the classes)
from keras_hparam.ensembles.keras_files import check_whole


def load_model(path, **kwargs):
    """`keras.saving.load_model` in a process that has not used the classes of ensembles yet.

    Keras finds the classes of a file among those that are registered, and they are when they are imported.

    Args:
        path: of a `.keras` file.
        **kwargs: as of `keras.saving.load_model`.

    Returns:
        The model.

    Raises:
        CorruptFileError: for a `.keras` file that is truncated, altered or foreign.
        ValueError: from Keras, for another path that is no saved model.

    Example:
        >>> ensemble = kh.ensembles.load_model("ensemble.keras")
    """
    check_whole(path)
    return keras.saving.load_model(path, **kwargs)
