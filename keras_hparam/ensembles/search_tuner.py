"""KerasTuner's side of a hyper-deep ensemble: the settings that a search found, and the networks of a setting."""

import dataclasses
import logging
import math

import keras_tuner as kt

from keras_hparam import errors
from keras_hparam.ensembles.network_store import digest

_LOGGER = logging.getLogger(__name__)
_OF_THE_TUNER = "tuner/"  # how names of values begin that a tuner such as Hyperband adds for itself


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a trial of a search was trained with.

    Attributes:
        trial: the `keras_tuner` trial.
        values: dict from a hyperparameter's name to its value.
    """

    trial: object
    values: dict

    @property
    def sha256(self):
        """Hexadecimal digits that depend on the values alone."""
        return digest(self.values)


class FinishedSearch:
    """The completed trials of a KerasTuner search.

    Args:
        tuner: `keras_tuner.Tuner` that has searched, or that has loaded the project of a search.

    Attributes:
        settings: list of `Setting`s with different values and finite scores, the best one first.

    Raises:
        InvalidArgumentError: for anything else, a tuner without a hypermodel, or without completed trials.

    Example:

    ```python
    search = FinishedSearch(tuner)
    model = search.build(search.settings[0])
    search.fit(search.settings[0], model, x, y, epochs=3)
    ```
    """

    def __init__(self, tuner):
        if not isinstance(tuner, kt.Tuner) or tuner.hypermodel is None:
            raise errors.InvalidArgumentError(
                f"Expected `tuner` to be a keras_tuner.Tuner with a hypermodel. Received: {tuner!r}."
            )
        self.tuner = tuner
        trials = list(tuner.oracle.trials.values())
        usable = [trial for trial in trials if trial.status == "COMPLETED" and _is_finite(trial.score)]
        sign = -1 if tuner.oracle.objective.direction == "max" else 1
        distinct = {}
        for trial in sorted(usable, key=lambda trial: sign * trial.score):  # of equal ones the earlier first
            setting = Setting(trial, _user_values(trial.hyperparameters))
            distinct.setdefault(setting.sha256, setting)
        self.settings = list(distinct.values())
        if not self.settings:
            raise errors.InvalidArgumentError(
                "Expected `tuner` of a search with completed trials of finite scores; call tuner.search(…) first. "
                f"Received: {len(trials)} trials: {[trial.status for trial in trials]}."
            )
        self.num_unusable = len(trials) - len(usable)

    def describe(self):
        """What tells this search from others, a dict of plain JSON values."""
        hypermodel, oracle = self.tuner.hypermodel, self.tuner.oracle
        names = [type(hypermodel).__qualname__, getattr(hypermodel.build, "__qualname__", "")]
        space = sorted([one.name, digest(one.get_config())] for one in oracle.get_space().space)
        return {"hypermodel": names, "objective": oracle.objective.name, "space": space}

    def build(self, setting):
        """A new model of a setting, compiled as in the search."""
        hyperparameters = setting.trial.hyperparameters.copy()
        hyperparameters.values.pop(f"{_OF_THE_TUNER}trial_id", None)  # whose weights Hyperband would go on with
        # Not a public method, but the one that gives the model the optimizer, loss and metrics of the tuner.
        return self.tuner._build_hypermodel(hyperparameters)

    def fit(self, setting, model, *args, callbacks=(), **kwargs):
        """Trains a model as `hypermodel.fit` does; as many epochs as Hyperband gave the trial, unless `epochs` says."""
        hyperparameters = setting.trial.hyperparameters.copy()
        epochs = hyperparameters.values.get(f"{_OF_THE_TUNER}epochs")
        if epochs is not None:
            kwargs.setdefault("epochs", epochs)
        self.tuner.hypermodel.fit(hyperparameters, model, *args, callbacks=list(callbacks), **kwargs)

    def load(self, setting):
        """The network that the search trained and saved; None, and a warning, where it cannot be loaded."""
        try:
            return self.tuner.load_model(setting.trial)
        except (OSError, ValueError, KeyError) as error:
            _LOGGER.warning(
                "The network of trial %s cannot be loaded and is trained anew: %s", setting.trial.trial_id, error
            )
            return None


def run_search(hypermodel, objective, max_trials, tuner_class, directory, seed, tuner_arguments, *args, **kwargs):
    """A search, or the rest of one that was killed.

    Args:
        hypermodel, objective: as of `keras_tuner.RandomSearch`.
        max_trials: int >= 1; None for classes of tuners that have no such argument.
        tuner_class: class of tuners, or None for `RandomSearch`.
        directory: path, where the project is kept.
        seed: int >= 0.
        tuner_arguments: dict of further arguments of the class.
        *args, **kwargs: of `tuner.search`.

    Returns:
        The tuner.
    """
    given = {"seed": seed + 1}  # KerasTuner takes 0 for no seed
    if max_trials is not None:
        given["max_trials"] = max_trials
    tuner = (tuner_class or kt.RandomSearch)(
        hypermodel, objective=objective, directory=str(directory), project_name="search", **given | tuner_arguments
    )
    tuner.search(*args, **kwargs)
    return tuner


def _user_values(hyperparameters):
    return {name: value for name, value in hyperparameters.values.items() if not name.startswith(_OF_THE_TUNER)}


def _is_finite(score):
    return score is not None and math.isfinite(score)
