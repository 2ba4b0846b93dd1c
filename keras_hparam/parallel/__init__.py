"""Searches on several processes and machines that survive what machines do, around any KerasTuner tuner."""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "ParallelSettings": ".settings", "role": ".settings", "search": ".roles", "serve": ".roles", "take_up": ".roles",
    "Workers": ".launch",
})  # fmt: skip
