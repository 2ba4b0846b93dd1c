"""The Keras tuner around `OptFormerOracle`."""

from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.study_tuner import StudyTuner, split_options


class OptFormer(StudyTuner):
    """Tunes Keras models with trials that a pre-trained sequence model proposes.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or a callable that takes hyperparameters and returns a compiled model.
            Optional when a subclass overrides `run_trial`.
        objective: str, `keras_tuner.Objective`, or a list of these.
        max_trials: int >= 1, the most trials to run.
        hyperparameters: `keras_tuner.HyperParameters` that declares or overrides parameters.
        metadata: what the study is about: a text (the task), a `Metadata`, or a mapping of its fields.
        weights: name of shipped weights, or path of a folder with weights.
        decoding: "sample_and_rank" (planning, see `Planning`), "beam", "sample", "nucleus" or "greedy".
        pending: how running trials are shown to the model: "predict" (with its own prediction) or "placeholder".
        initial_trials: list of dicts of values to run first; checked before any trial runs.
        stop_hopeless: float in (0, 1), such as 0.05, or None. A trial is stopped after an epoch at which its
            probability of becoming the best is smaller; see `keras_hparam.callbacks.StopHopeless`.
        seed: int >= 0, or None for a random one.
        allow_new_entries: bool, whether the model may ask for parameters that are not in `hyperparameters`.
        tune_new_entries: bool, whether those are tuned; if not, they keep their default.
        max_retries_per_trial: int >= 0, how often a crashed or invalid trial runs again.
        max_consecutive_failed_trials: int >= 1, how many failures in a row end the search.
        proposer: an object with the proposer's methods instead of the weights (advanced).
        **kwargs: options of planning such as `temperature` and `top_p`, see `OptFormerOracle`, and arguments of every
            KerasTuner tuner: `directory`, `project_name`, `overwrite`,
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
        pending="predict",
        initial_trials=None,
        stop_hopeless=None,
        seed=None,
        allow_new_entries=True,
        tune_new_entries=True,
        max_retries_per_trial=0,
        max_consecutive_failed_trials=3,
        proposer=None,
        **kwargs,
    ):
        options, kwargs = split_options(kwargs)
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
            proposer=proposer,
            **options,
        )
        super().__init__(oracle, hypermodel, initial_trials, stop_hopeless, **kwargs)
