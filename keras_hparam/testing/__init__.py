"""Checks that users of the package can run on their own layers and models."""

from keras_hparam.testing.conformance import (
    check_config_round_trip,
    check_mixed_precision,
    check_save_and_load,
    check_two_replicas,
    check_xla,
)

__all__ = [
    "check_config_round_trip",
    "check_mixed_precision",
    "check_save_and_load",
    "check_two_replicas",
    "check_xla",
]
