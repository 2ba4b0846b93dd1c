"""The Keras tuner around `OptFormerOracle`."""

import os

import keras_tuner as kt

from keras_hparam import errors
from keras_hparam.optformer import arguments
from keras_hparam.optformer.history import complete_values
from keras_hparam.optformer.oracle import OptFormerOracle


class OptFormer(kt.Tuner):
    """Tunes Keras models with trials that a pre-trained sequence model proposes.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or a callable that takes hyperparameters and returns a compiled model.
            Optional when a subclass overrides `run_trial`.
        objective: str, `keras_tuner.Objective`, or a list of these.
        max_trials: int >= 1, the most trials to run.
        hyperparameters: `keras_tuner.HyperParameters` that declares or overrides parameters.
        metadata: what the study is about: a text (the task), a `Metadata`, or a mapping of its fields.
        weights: name of shipped weights, or path of a folder with weights.
        decoding: "sample_and_rank", or another decoding that the planner knows.
        pending: "mask", how running trials are shown to the model.
        initial_trials: list of dicts of values to run first; checked before any trial runs.
        seed: int >= 0, or None for a random one.
        allow_new_entries: bool, whether the model may ask for parameters that are not in `hyperparameters`.
        tune_new_entries: bool, whether those are tuned; if not, they keep their default.
        max_retries_per_trial: int >= 0, how often a crashed or invalid trial runs again.
        max_consecutive_failed_trials: int >= 1, how many failures in a row end the search.
        temperature, top_p: options of the decoding, see `OptFormerOracle`.
        proposer: an object with the proposer's methods instead of the weights (advanced).
        **kwargs: arguments of every KerasTuner tuner: `directory`, `project_name`, `overwrite`,
            `executions_per_trial`, `distribution_strategy`, `max_model_size`, `optimizer`, `loss`, `metrics`,
            `tuner_id`. With `overwrite=False` a project that exists continues exactly where it stopped, with its own
            seed, space and initial trials.

    Raises:
        InvalidArgumentError: if an argument is wrong, the hypermodel declares no hyperparameters or illegal ones, or
            an initial trial does not fit them; before any trial runs.
        CorruptFileError: if the weights or the project's files are damaged.

    Source: US20230401451A1; Chen et al. 2022, https://arxiv.org/abs/2205.13320.

    Example:

    ```python
    tuner = keras_hparam.tuners.OptFormer(build, "val_accuracy", max_trials=20, metadata="image classification")
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=3)
    best = tuner.get_best_hyperparameters()[0]
    ```
    """

    def __init__(
        self,
        hypermodel=None,
        objective=None,
        max_trials=10,
        hyperparameters=None,
        metadata=None,
        weights="optformer-small",
        decoding="sample_and_rank",
        pending="mask",
        initial_trials=None,
        seed=None,
        allow_new_entries=True,
        tune_new_entries=True,
        max_retries_per_trial=0,
        max_consecutive_failed_trials=3,
        temperature=None,
        top_p=None,
        proposer=None,
        **kwargs,
    ):
        oracle = OptFormerOracle(
            objective=objective,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            metadata=metadata,
            weights=weights,
            decoding=decoding,
            pending=pending,
            seed=seed,
            allow_new_entries=allow_new_entries,
            tune_new_entries=tune_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
            temperature=temperature,
            top_p=top_p,
            proposer=proposer,
        )
        # Checked below, against all that the hypermodel declares and not against `hyperparameters` alone.
        oracle.initial_trials = arguments.as_initial_trials(initial_trials)
        self._given_tuner_id = kwargs.get("tuner_id")
        super().__init__(oracle=oracle, hypermodel=hypermodel, **kwargs)
        self._check_space(oracle)

    def search(self, *fit_args, **fit_kwargs):
        """Runs trials until `max_trials`, or until the space is exhausted.

        Args:
            *fit_args: passed to `hypermodel.fit`, such as the training data.
            **fit_kwargs: passed to `hypermodel.fit`, such as `validation_data`, `epochs`, `callbacks`, `verbose`.

        Raises:
            RuntimeError: if `max_consecutive_failed_trials` trials in a row failed.
            Exception: what a proposal raised, once the trials that run have ended.
        """
        super().search(*fit_args, **fit_kwargs)
        error = getattr(self.oracle, "error", None)  # a worker's client of a chief has none
        if error is not None:
            raise error

    def on_search_begin(self):
        """Writes the project before the first trial, so that a search killed in its first trial continues too."""
        super().on_search_begin()
        self.save()

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
