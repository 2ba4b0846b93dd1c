"""Loading saved ensembles."""

import pathlib
import struct
import zipfile

import keras

from keras_hparam import errors
from keras_hparam.ensembles import deep_ensemble, hyper_batch_ensemble, hyper_deep  # noqa: F401  (registers the classes)

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}


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


def check_whole(path):
    """Raises a CorruptFileError if a `.keras` file is not whole; Keras itself reads it without that check."""
    path = pathlib.Path(path)
    if path.suffix != ".keras" or not path.is_file():
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            missing = sorted(_MEMBERS - {entry.filename for entry in entries})
            if missing or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError(f"an archive without {missing}" if missing else "a compressed archive")
            damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"{damaged} with another checksum")
    except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OSError, RuntimeError) as error:
        raise errors.CorruptFileError(f"Expected {path} to be a whole .keras file. Received: {error!r}.") from error
