"""Hyperparameters, learning rates, architectures, ensembles and optimizers found for Keras models.

The public names are grouped by the kind of Keras object they are: `keras_hparam.oracles`, `keras_hparam.tuners`,
`keras_hparam.objectives`, `keras_hparam.callbacks`, `keras_hparam.layers`, `keras_hparam.metrics`,
`keras_hparam.optimizers`, `keras_hparam.schedules`; `keras_hparam.ensembles` holds models, `keras_hparam.autohas` what
`keras_hparam.AutoHAS` searches, `keras_hparam.parallel` searches on many workers. They are imported when they are first
used, so that `import keras_hparam` itself costs nothing.

Example:
    >>> import keras_hparam as kh
    >>> tuner = kh.tuners.OptFormer(build_model, "val_accuracy", max_trials=20)
"""

from keras_hparam import lazy

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy.attach(__name__, {"AutoHAS": ".autohas.auto_has"} | dict.fromkeys([
    "autohas", "callbacks", "checkpoints", "ensembles", "errors", "layers", "learned_optimizers", "learned_schedules",
    "metrics", "objectives", "ops", "optimizers", "oracles", "parallel", "schedules", "spaces", "tuners",
]))  # fmt: skip
