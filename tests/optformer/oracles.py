"""Oracles with a proposer that draws random rows, and how the tests drive them."""

import keras_tuner as kt

from keras_hparam.optformer.oracle import OptFormerOracle


class RandomProposer:
    """The planner's contract with random rows; keeps the studies it was shown."""

    num_bins = 100

    def __init__(self, tries=256):
        self.studies, self.tries = [], tries

    def propose(self, study, rng, exclude):
        self.studies.append(study)
        rows = study.space.random_tokens(rng, self.tries, self.num_bins) if self.tries else []
        return next((row for row in rows if row.tobytes() not in exclude), None)


def mixed_space():
    hp = kt.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Int("width", 8, 64, step=8)
    hp.Choice("optimizer", ["sgd", "adam"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    return hp


def small_space():
    hp = kt.HyperParameters()
    hp.Choice("a", ["x", "y"])
    hp.Boolean("b")
    hp.Fixed("c", 3)
    with hp.conditional_scope("a", ["x"]):
        hp.Int("d", 1, 3)
    return hp  # 2 * 3 + 2 = 8 configurations


def make(tmp_path, hyperparameters=None, objective=None, proposer=None, **kwargs):
    oracle = OptFormerOracle(
        objective or kt.Objective("score", "max"),
        hyperparameters=hyperparameters,
        proposer=proposer or RandomProposer(),
        **{"seed": 0, "max_trials": 50, **kwargs},
    )
    oracle._set_project_dir(str(tmp_path), "project")
    oracle.verbose = 0
    return oracle


def score(values):
    return values.get("rate", 0.5) * 10 - values.get("width", 8) / 64


def finish(oracle, trial, value=None, status="COMPLETED"):
    if status == "COMPLETED":
        value = score(trial.hyperparameters.values) if value is None else value
        oracle.update_trial(trial.trial_id, {"score": value})
    trial.status = status
    oracle.end_trial(trial)


def run(oracle, num_trials, tuner_id="worker"):
    """Values of up to `num_trials` trials, run one after the other."""
    values = []
    for _ in range(num_trials):
        trial = oracle.create_trial(tuner_id)
        if trial.status == "STOPPED":
            break
        values.append(dict(trial.hyperparameters.values))
        finish(oracle, trial)
    return values


def reopened(tmp_path, **kwargs):
    oracle = make(tmp_path, **{"seed": 999, **kwargs})
    oracle.reload()
    return oracle
