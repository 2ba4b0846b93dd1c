"""One weight-sharing search for architecture and hyperparameters that returns a plain Keras model.

`AutoHAS` searches what a build function describes with `choice`, `width`, `dropout` and `compile`; KerasTuner's tuners
search the same function trial by trial (US20210383223A1; Dong et al. 2020, arXiv 2006.03656). The names here are
imported when they are first used.
"""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "AutoHAS": ".auto_has",
    "MixupModel": ".mixup",
    "SearchSettings": ".settings",
    "SmoothedLoss": ".losses",
    "choice": ".candidates",
    "compile": ".compilation",
    "dropout": ".candidates",
    "width": ".candidates",
})  # fmt: skip
