"""The Keras tuner around `PlanningOracle`."""

from keras_hparam.optformer.planning_oracle import PlanningOracle
from keras_hparam.optformer.settings import PlanningSettings
from keras_hparam.optformer.study_tuner import StudyTuner, split_options


class Planning(StudyTuner):
    """Tunes Keras models with, of many candidates, the one that a pre-trained sequence model finds most promising.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or a callable that takes hyperparameters and returns a compiled model.
            Optional when a subclass overrides `run_trial`.
        objective: str, `keras_tuner.Objective`, or a list of these.
        max_trials: int >= 1, the most trials to run.
        hyperparameters: `keras_tuner.HyperParameters` that declares or overrides parameters.
        acquisition: "ei", "pi", "ucb", "thompson", or a function of (probabilities, values, best); see
            `PlanningOracle`.
        prior: where candidates come from: "model", "random", "local", "border", "gaussian_process", a
            `keras_tuner.Oracle`, or a function of (study, rng, count); a list of these, or a mapping to their shares;
            None for the default; see `PlanningOracle`.
        num_candidates: int >= 1, candidates of a proposal.
        refined_candidates: int >= 0, candidates of the second round, around the best of the first; 0 for no second one.
        enumerate_up_to: int >= 0; a space of at most so many configurations is enumerated instead.
        initial_trials: list of dicts of values to run first; checked before any trial runs.
        stop_hopeless: float in (0, 1), such as 0.05, or None. A trial is stopped after an epoch at which its
            probability of becoming the best is smaller; see `keras_hparam.callbacks.StopHopeless`.
        **kwargs: other arguments of `PlanningOracle` (`metadata`, `weights`, `pending`, `seed`, …) and of every
            KerasTuner tuner (`directory`, `project_name`, `overwrite`, …), see `OptFormer`.

    Raises:
        InvalidArgumentError: if an argument is wrong, the hypermodel declares no hyperparameters or illegal ones, or
            an initial trial does not fit them; before any trial runs.
        CorruptFileError: if the weights or the project's files are damaged.

    Source: US20230401451A1; Chen et al. 2022, https://arxiv.org/abs/2205.13320.

    Example:

    ```python
    bayesian = keras_tuner.oracles.BayesianOptimizationOracle("val_accuracy")
    tuner = keras_hparam.tuners.Planning(build, "val_accuracy", max_trials=20, prior=["model", "local", bayesian])
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
        acquisition="ei",
        prior=None,
        num_candidates=PlanningSettings.num_candidates,
        refined_candidates=PlanningSettings.refined_candidates,
        enumerate_up_to=PlanningSettings.enumerate_up_to,
        initial_trials=None,
        stop_hopeless=None,
        **kwargs,
    ):
        options, kwargs = split_options(kwargs)
        oracle = PlanningOracle(
            objective=objective,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            acquisition=acquisition,
            prior=prior,
            num_candidates=num_candidates,
            refined_candidates=refined_candidates,
            enumerate_up_to=enumerate_up_to,
            **options,
        )
        super().__init__(oracle, hypermodel, initial_trials, stop_hopeless, **kwargs)
