"""Hyperparameters, learning rates, architectures, ensembles and optimizers found for Keras models.

The public names are grouped by the kind of Keras object they are: `keras_hparam.oracles`, `keras_hparam.tuners`,
`keras_hparam.objectives`, `keras_hparam.callbacks`, `keras_hparam.layers`, `keras_hparam.metrics`,
`keras_hparam.optimizers`; `keras_hparam.ensembles` holds models. They are imported when they are first used, so that
`import keras_hparam` itself costs nothing.

Example:
    >>> import keras_hparam as kh
    >>> tuner = kh.tuners.OptFormer(build_model, "val_accuracy", max_trials=20)
"""

import importlib

__version__ = "0.1.0"
__all__ = [
    "callbacks", "checkpoints", "ensembles", "errors", "layers", "learned_optimizers", "metrics", "objectives", "ops",
    "optimizers", "oracles", "spaces", "tuners",
]  # fmt: skip


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"Expected one of {__all__} of the module {__name__!r}. Received: {name!r}.")


def __dir__():
    return sorted([*globals(), *__all__])
