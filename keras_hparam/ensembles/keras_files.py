"""Whether `.keras` files are whole, which Keras itself does not ask before it reads them."""

import pathlib
import zipfile

from keras_hparam import errors

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}


def check_whole(path):
    """Compares the checksums of a `.keras` file; other paths are left to Keras.

    Args:
        path: of the file.

    Raises:
        CorruptFileError: if it is truncated, altered or foreign.
    """
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
    except errors.MALFORMED as error:
        raise errors.CorruptFileError(f"Expected {path} to be a whole .keras file. Received: {error!r}.") from error
