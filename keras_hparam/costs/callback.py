"""The costs of a training run in its logs, where objectives, other callbacks and TensorBoard find them."""

import time

import keras

from keras_hparam import errors
from keras_hparam.costs.flops import forward_flops

COSTS = ("train_seconds", "parameters", "flops")


class Costs(keras.callbacks.Callback):
    """Adds what the model costs to the logs of every epoch, and thereby to the history that `fit` returns.

    It comes before the callbacks that read these values; KerasTuner puts its own last.

    Args:
        measures: which costs to measure, of these:

            - "train_seconds": wall-clock seconds of training since `fit` began, to the end of the epoch, compilation
              included, validation and other callbacks' work at the end of epochs not.
            - "parameters": number of the model's parameters, trainable and not.
            - "flops": floating-point operations of the forward pass of one example, see `costs.flops`.

    Raises:
        InvalidArgumentError: if `measures` are not some of these.
        UnavailableError: in `fit`, if "flops" is asked for and cannot be counted. A built model says so before the
            first epoch, another one after it.

    Example:

    ```python
    objective = kh.objectives.Weighted({"val_accuracy": 1.0, "train_seconds": -0.01})
    tuner = keras_tuner.RandomSearch(build, objective, max_trials=20)
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=5, callbacks=[kh.callbacks.Costs()])
    ```
    """

    def __init__(self, measures=COSTS):
        super().__init__()
        measures = (measures,) if isinstance(measures, str) else tuple(measures)
        if not measures or not set(measures) <= set(COSTS):
            raise errors.InvalidArgumentError(f"Expected `measures` to be some of {COSTS}. Received: {measures}.")
        self.measures = measures

    def on_train_begin(self, logs=None):
        self._seconds, self._of_model = 0.0, None
        if self.model.built:
            self._of_model = self._measure_model()

    def on_epoch_begin(self, epoch, logs=None):
        self._began, self._validation = time.perf_counter(), 0.0

    def on_test_begin(self, logs=None):
        self._test_began = time.perf_counter()

    def on_test_end(self, logs=None):
        self._validation += time.perf_counter() - self._test_began

    def on_epoch_end(self, epoch, logs=None):
        self._seconds += time.perf_counter() - self._began - self._validation
        if self._of_model is None:
            self._of_model = self._measure_model()
        if "train_seconds" in self.measures:
            logs["train_seconds"] = self._seconds
        logs.update(self._of_model)

    def _measure_model(self):
        measured = {}
        if "parameters" in self.measures:
            measured["parameters"] = self.model.count_params()
        if "flops" in self.measures:
            measured["flops"] = forward_flops(self.model)
        return measured
