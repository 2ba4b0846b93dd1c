"""Trials that have no prospect of becoming the best are stopped after a few of their epochs.

What a trial will reach is predicted from two sides: by the model from its hyperparameters and the other trials, and
from its learning curve so far, given how much finished trials of the same search still gained after that epoch.

Axes: G gains of finished trials, N bins of the normalised objective.
"""

import copy
import logging
import math

import keras
import numpy as np

from keras_hparam import errors
from keras_hparam.ops import learning_curves
from keras_hparam.optformer import arguments, curves, packing
from keras_hparam.optformer.normalization import BEST, Normalizer

_logger = logging.getLogger(__name__)


class StopHopeless(keras.callbacks.Callback):
    """Stops a trial when its chance of becoming the best of the search falls below a threshold.

    A stopped trial is complete, with the best value that it has reached as its objective. The values of every epoch
    and the chance at which a trial was stopped are kept with KerasTuner's metrics of the trial, so that an interrupted
    search continues with them. It needs the objective in the logs of every epoch, and trials of similar length.

    Args:
        tuner: `kh.tuners.OptFormer`, or another tuner whose Oracle predicts objectives and runs in this process.
        threshold: float in (0, 1), the chance below which a trial is stopped.
        min_epochs: int >= 1, epochs that every trial runs.
        min_trials: int >= 4: before so many trials have run longer than the current one, to their own end, it goes on.

    Attributes:
        num_stopped: how many trials of the search were stopped.

    Raises:
        InvalidArgumentError: if an argument is out of range, or the tuner's Oracle does not predict, as that of a
            worker that reports to a chief.

    Source: intermediate values as in Domhan et al. 2015 (IJCAI) and Swersky et al. 2014, arXiv 1406.3896; the formulas
    are in `ops.learning_curves`.

    Example:

    ```python
    tuner = kh.tuners.OptFormer(build, "val_accuracy", max_trials=50)
    stopping = kh.callbacks.StopHopeless(tuner, threshold=0.05)
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=30, callbacks=[stopping])
    ```
    """

    def __init__(self, tuner, threshold=0.05, min_epochs=1, min_trials=learning_curves.MIN_GAINS):
        super().__init__()
        oracle = getattr(tuner, "oracle", None)
        if not hasattr(oracle, "study") or not hasattr(oracle, "proposer"):
            raise errors.InvalidArgumentError(
                "Expected `tuner` with an Oracle that predicts objectives and runs in this process, such as "
                f"kh.tuners.OptFormer. Received: {tuner!r} with the oracle {oracle!r}."
            )
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 < threshold < 1:
            raise errors.InvalidArgumentError(f"Expected `threshold` in (0, 1). Received: {threshold!r}.")
        self.tuner, self.threshold = tuner, threshold
        self.min_epochs = arguments.as_integer("min_epochs", min_epochs, 1)
        self.min_trials = arguments.as_integer("min_trials", min_trials, learning_curves.MIN_GAINS)

    def __deepcopy__(self, memo):
        """A copy for one execution of a trial, as KerasTuner makes them, of the same tuner."""
        return copy.copy(self)

    @property
    def num_stopped(self):
        return sum(map(curves.is_stopped, list(self.tuner.oracle.trials.values())))

    def on_train_begin(self, logs=None):
        self._prediction = None  # it stays as it is during a trial

    def on_epoch_end(self, epoch, logs=None):
        oracle = self.tuner.oracle
        trial = oracle.ongoing_trials[self.tuner.tuner_id]
        if not oracle.objective.has_value(logs):
            _logger.warning("Trial %s goes on: %s is not in the logs of its epochs.", trial.trial_id, oracle.objective)
            return
        curves.record(trial, oracle.objective, logs, epoch)
        num_epochs = epoch + 1
        if not self.min_epochs <= num_epochs < self.params["epochs"]:
            return
        chance = self._chance(trial, epoch)
        if chance < self.threshold:
            self.model.stop_training = True
            curves.mark_stopped(trial, chance, epoch)
            text = "Trial %s stops after %d of %d epochs: its chance of becoming the best is %.2g."
            _logger.info(text, trial.trial_id, num_epochs, self.params["epochs"], chance)

    def _chance(self, trial, epoch):
        """The probability that the trial becomes the best; 1 where too little is known."""
        oracle = self.tuner.oracle
        sign = 1.0 if oracle.objective.direction == "max" else -1.0
        reached = sign * curves.value_at(trial, oracle.objective, epoch)
        pairs = curves.pairs(list(oracle.trials.values()), oracle.objective, epoch)
        if len(pairs) < self.min_trials or not math.isfinite(reached):
            return 1.0
        if self._prediction is None:
            self._prediction = predict(oracle, trial)
        prior, normalizer = self._prediction
        at_epoch, final = normalizer.to_unit(sign * np.asarray(pairs, float)).T  # [G] each
        return chance_of_best(prior, float(normalizer.to_unit(reached)), np.maximum(final - at_epoch, 0.0))


def chance_of_best(prior, reached, gains):
    """The probability that a trial's final value exceeds the best so far.

    Args:
        prior: float [N], the model's probabilities of the bins of the normalised objective.
        reached: float in [0, 1], the trial's value so far, normalised: the best so far lies at `BEST`.
        gains: float [G], remaining gains of finished trials after the same epoch.
    """
    if reached >= BEST:
        return 1.0
    final = learning_curves.final_distribution(prior, reached, gains)
    centres = (np.arange(len(final)) + 0.5) / len(final)
    return float(np.sum(final[centres > BEST]))


def predict(oracle, trial):
    """Probabilities [N] of a running trial's final objective, given that it does not fail, and their `Normalizer`."""
    study = oracle.study()
    row = oracle.start_order.index(trial.trial_id)
    others = study.take(np.arange(len(study)) != row)
    others = others.take(packing.keep_trials(others, oracle.proposer.model.config.max_trials))
    prior = oracle.proposer.predict(others, study.tokens[row : row + 1])[0, :-1]
    return prior / np.sum(prior), Normalizer.fit(others.scores)
