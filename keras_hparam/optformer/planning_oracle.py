"""The KerasTuner Oracle that plans: it runs, of many candidates, the one that a pre-trained model finds most promising.

Source: US20230401451A1, claims 10 to 21 and Figure 4; Chen et al. 2022, https://arxiv.org/abs/2205.13320, section 4.3.
"""

from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.settings import PlanningSettings


class PlanningOracle(OptFormerOracle):
    """Draws candidates, predicts the objective of all of them with one reading of the study, and runs the best one.

    Every configuration is a candidate where there are few; else candidates come from prior policies: the model itself,
    chance, mutations of the best trials, another Oracle, or a function. The model predicts the distribution of each
    one's objective, an acquisition function says what it is worth, and the best one that has not been tried is run,
    after a second round of candidates around the best of the first. What has been said of `OptFormerOracle` holds here
    too.

    Args:
        objective: str, `keras_tuner.Objective`, or a list of these, as for every KerasTuner Oracle.
        max_trials: int >= 1, the most trials to run.
        hyperparameters: `keras_tuner.HyperParameters` that declares or overrides parameters.
        acquisition: "ei" (expected improvement), "pi" (probability of improvement), "ucb" (upper confidence bound),
            "thompson" (Thompson sampling), or a function of `probabilities` [N, B] of N candidates, `values` [B] of the
            bins of the normalised objective and the `best` value so far that returns scores [N], larger is better.
        prior: "model", "random", "local" (mutations of the best trials), "border" (the best trials with some numbers at
            an end of their range), "gaussian_process" (of the largest expected improvement to it), a
            `keras_tuner.Oracle` (asked for at most 8 candidates of a proposal), or a function of (study, rng, count)
            that returns tokens [n, D] or a list of dicts of values; a list of these, or a mapping from these to their
            shares of the candidates. None for a mixture of the five that have names, and for the first trial for random
            candidates with all numbers in the inner half of their range.
        num_candidates: int >= 1, candidates of a proposal.
        refined_candidates: int >= 0, candidates of the second round, around the best of the first, from the second
            trial on; 0 for no second one.
        enumerate_up_to: int >= 0; a space of at most so many configurations is enumerated instead.
        **kwargs: other arguments of `OptFormerOracle` (`metadata`, `weights`, `pending`, `initial_trials`, `seed`,
            `allow_new_entries`, …) and fields of `PlanningSettings` (`beta` of "ucb", `largest_gain` of "ei", …).

    Raises:
        InvalidArgumentError: if an argument is not one of the above. What a function returns is checked when a trial is
            proposed; if it is not as said here, the search ends with that error.
        CorruptFileError: if the weights are truncated or foreign.

    Example:

    ```python
    def without_dropout(study, rng, count):
        rows = study.space.random_tokens(rng, count)
        return [{**study.space.from_tokens(row), "dropout": 0.0} for row in rows]

    oracle = PlanningOracle("val_loss", max_trials=30, acquisition="ucb", prior=["model", without_dropout])
    tuner = keras_tuner.Tuner(oracle, build)
    ```
    """

    def __init__(
        self,
        objective=None,
        max_trials=10,
        hyperparameters=None,
        acquisition="ei",
        prior=None,
        num_candidates=PlanningSettings.num_candidates,
        refined_candidates=PlanningSettings.refined_candidates,
        enumerate_up_to=PlanningSettings.enumerate_up_to,
        **kwargs,
    ):
        super().__init__(
            objective,
            max_trials,
            hyperparameters,
            decoding="sample_and_rank",
            acquisition=acquisition,
            prior=prior,
            num_candidates=num_candidates,
            refined_candidates=refined_candidates,
            enumerate_up_to=enumerate_up_to,
            **kwargs,
        )
