"""Loading saved ensembles."""

import keras

from keras_hparam.ensembles import deep_ensemble, hyper_batch_ensemble, hyper_deep  # noqa: F401  (registers the classes)


def load_model(path, **kwargs):
    """`keras.saving.load_model` in a process that has not used the classes of ensembles yet.

    Keras finds the classes of a file among those that are registered, and they are when they are imported.

    Args:
        path: of a `.keras` file.
        **kwargs: as of `keras.saving.load_model`.

    Returns:
        The model.

    Raises:
        ValueError: from Keras, for a path or a file that is no saved model.

    Example:
        >>> ensemble = kh.ensembles.load_model("ensemble.keras")
    """
    return keras.saving.load_model(path, **kwargs)
