"""What the tuners around `OptFormerOracle` and its kin share: checks before a search, and errors after it."""

import inspect
import os

import keras_tuner as kt

from keras_hparam import errors, parallel
from keras_hparam.costs.callback import Costs
from keras_hparam.optformer import arguments, settings
from keras_hparam.optformer.history import complete_values
from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.resumable_oracle import naming
from keras_hparam.optformer.stopping import StopHopeless


def split_options(kwargs):
    """A tuner's keyword arguments as (those of its Oracle, the others)."""
    names = {*settings.NAMES, *inspect.signature(OptFormerOracle.__init__).parameters}
    mine = {name: value for name, value in kwargs.items() if name in names}
    return mine, {name: value for name, value in kwargs.items() if name not in names}


class StudyTuner(kt.Tuner):
    """A tuner whose Oracle is an `OptFormerOracle`.

    Args:
        oracle: `OptFormerOracle`, without initial trials.
        hypermodel: `keras_tuner.HyperModel`, or a callable that takes hyperparameters and returns a compiled model.
        initial_trials: list of dicts of values to run first. They are checked against all that the hypermodel declares
            and not against the Oracle's hyperparameters alone.
        stop_hopeless: float in (0, 1) or None. A trial is stopped after an epoch at which its probability of becoming
            the best is smaller; see `keras_hparam.callbacks.StopHopeless`. None: every trial trains to its end.
        **kwargs: arguments of every KerasTuner tuner.

    Raises:
        InvalidArgumentError: if the hypermodel declares no hyperparameters or illegal ones, or an initial trial does
            not fit them.
    """

    def __init__(self, oracle, hypermodel, initial_trials=None, stop_hopeless=None, **kwargs):
        oracle.initial_trials = arguments.as_initial_trials(initial_trials)
        self._given_tuner_id = kwargs.get("tuner_id")
        super().__init__(oracle=oracle, hypermodel=hypermodel, **kwargs)
        self._check_space(oracle)
        self._stopping = [] if stop_hopeless is None else [StopHopeless(self, stop_hopeless)]

    def _build_and_fit_model(self, trial, *args, callbacks=(), **kwargs):
        """Trains a model with callbacks that measure what the objective weighs, and that stop it if so asked."""
        costs = getattr(self.oracle.objective, "costs", ())
        callbacks = [*([Costs(costs)] if costs else []), *callbacks, *self._stopping]
        return super()._build_and_fit_model(trial, *args, callbacks=callbacks, **kwargs)

    def search(self, *fit_args, **fit_kwargs):
        """Runs trials until `max_trials`, or until the space is exhausted.

        As a chief or a worker, if KerasTuner's environment variables say so, see `kh.parallel.search`.

        Args:
            *fit_args: passed to `hypermodel.fit`, such as the training data.
            **fit_kwargs: passed to `hypermodel.fit`, such as `validation_data`, `epochs`, `callbacks`, `verbose`.

        Raises:
            RuntimeError: if `max_consecutive_failed_trials` trials in a row failed.
            Exception: what a proposal raised, once the trials that run have ended.
        """
        if parallel.role() == "alone" or hasattr(self.oracle, "session"):
            super().search(*fit_args, **fit_kwargs)
        else:
            parallel.search(self, *fit_args, **fit_kwargs)
        error = getattr(self.oracle, "error", None)  # a worker's client of a chief has none
        if error is not None:
            raise error

    def on_search_begin(self):
        """Writes the project before the first trial, so that a search killed in its first trial continues too."""
        super().on_search_begin()
        self.save()

    def reload(self):
        """Restores the state of a project.

        Raises:
            CorruptFileError: if a file of the project is missing or is not what a search wrote.
        """
        with naming(self._get_tuner_fname()):
            super().reload()

    def _check_space(self, oracle):
        if oracle.space.parameters:
            for values in oracle.initial_trials:
                self._declare_all_of(values, oracle)
            oracle.validate_initial_trials()
        elif not self._may_declare_later():
            raise errors.InvalidArgumentError(
                "Expected `hypermodel` to declare at least one hyperparameter when it is built. Received: "
                f"{self.hypermodel!r}, which declares none."
            )

    def _declare_all_of(self, values, oracle):
        """Builds with `values`: a name may be declared only where `build` sees another's value in a Python `if`."""
        may_grow = self.hypermodel is not None and oracle.allow_new_entries and oracle.tune_new_entries
        while may_grow and not values.keys() <= {parameter.name for parameter in oracle.space.parameters}:
            num_known = len(oracle.space)
            hp = oracle.get_space()
            hp.values = complete_values(oracle.space, values)
            self.hypermodel.build(hp)
            oracle.update_space(hp)
            may_grow = len(oracle.space) > num_known

    def _may_declare_later(self):
        """Whether trials run code of the user's, other than `build`, that may ask for hyperparameters."""
        own_run = type(self).run_trial is not kt.Tuner.run_trial
        return own_run or type(self.hypermodel).fit is not kt.HyperModel.fit

    def _get_tuner_fname(self):
        # KerasTuner looks for the file of its default id when it decides whether a project exists.
        return os.path.join(str(self.project_dir), f"{self._given_tuner_id or self.tuner_id}.json")
