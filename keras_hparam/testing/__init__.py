"""Checks that users of the package can run on their own layers, models and files."""

from keras_hparam.testing.conformance import (
    check_config_round_trip,
    check_mixed_precision,
    check_save_and_load,
    check_two_replicas,
    check_xla,
)
from keras_hparam.testing.damage import Files, check_damaged_files

__all__ = [
    "Files",
    "check_config_round_trip",
    "check_damaged_files",
    "check_mixed_precision",
    "check_save_and_load",
    "check_two_replicas",
    "check_xla",
]
