"""Synthetic studies to train on; NumPy alone.

`search_spaces` draws spaces, `objectives` functions on them, `outcomes` what is recorded of their values, `policies`
the trials; `generate_study` puts them together.
"""

from keras_hparam.optformer.corpus.generator import generate_study

__all__ = ["generate_study"]
