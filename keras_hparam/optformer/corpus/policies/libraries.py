"""Policies of a well-kept library: Optuna's tree-structured Parzen estimator, Gaussian process and CMA-ES samplers.

Akiba et al. 2019, "Optuna", arXiv 1907.10902. They come with the extra `corpus` and are slow: 3 milliseconds a trial
(CMA-ES), 4 (Parzen) or hundreds (Gaussian process). Optuna is imported when a policy runs.

A policy is a function of a `Run` that makes all of its trials. Axes: D parameters.
"""

import importlib.util
import warnings

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.policies.local import hill_climbing

MODULES = ("optuna", "cmaes", "scipy", "torch")  # Optuna imports the latter three only where a sampler needs them
LONGEST_GAUSSIAN_PROCESS = 30  # trials; then the run goes on from the best by mutation, as its proposals take too long
_MOST_REPEATS = 8  # proposals in a row that were made before; then a random trial is made
_MOST_LEVELS = 50  # of a numeric parameter whose values Optuna sees one by one


def check_installed():
    """Raises UnavailableError where a library of these policies is missing."""
    missing = [module for module in MODULES if importlib.util.find_spec(module) is None]
    if missing:
        raise errors.UnavailableError(
            f"Expected {', '.join(MODULES)} for Optuna's samplers: pip install 'keras_hparam[corpus]'. "
            f"Received: an environment without {', '.join(missing)}."
        )


def tree_parzen(run):
    """Bergstra et al. 2011, NeurIPS 24, independent or multivariate, with a penalty for pending trials."""
    options = {"multivariate": True, "group": True} if draws.chance(run.rng, 0.5) else {}
    _optimize(run, "TPESampler", run.num_trials, n_startup_trials=draws.whole_between(run.rng, 3, 10), **options)


def gaussian_process_sampler(run):
    """Expected improvement on a Gaussian process with a fitted Matern kernel, then hill climbing from the best."""
    startup = draws.whole_between(run.rng, 3, 10)
    _optimize(run, "GPSampler", LONGEST_GAUSSIAN_PROCESS, n_startup_trials=startup, deterministic_objective=False)
    if run.left:
        hill_climbing(run, start=1)


def cma_es(run):
    """Hansen 2016, arXiv 1604.00772; categories are drawn at random, as Optuna does it."""
    _optimize(run, "CmaEsSampler", run.num_trials, n_startup_trials=draws.whole_between(run.rng, 1, 5))


LIBRARY_POLICIES = {"optuna_tpe": tree_parzen, "optuna_gp": gaussian_process_sampler, "optuna_cmaes": cma_es}
LIBRARY_SHARES = {  # of the studies of these policies
    "optuna_tpe": 0.5,
    "optuna_gp": 0.1,
    "optuna_cmaes": 0.4,
}


def _optimize(run, sampler_name, until, **options):
    """Makes trials until there are `until`, or none are left, by asking an Optuna sampler in rounds and telling it."""
    check_installed()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    size = draws.pick(run.rng, (1, 2, 4, 8), (5, 2, 2, 1))  # trials in parallel
    seed = int(run.rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of experimental samplers and arguments
        sampler = getattr(optuna.samplers, sampler_name)(seed=seed, warn_independent_sampling=False, **options)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        scores, repeats = {}, 0  # by the bytes of the tokens
        while run.count < min(until, run.num_trials):
            asked = [study.ask() for _ in range(min(size, run.left))]
            for trial, tokens in [(trial, _suggestion(run, trial)) for trial in asked]:
                repeats = repeats + 1 if tokens.tobytes() in scores else 0
                if not run.left:
                    return
                if repeats % _MOST_REPEATS == 0:
                    made = run.make(run.random(1) if repeats else tokens)[0]
                    scores[run.tokens[made].tobytes()] = run.scores[made]
                score = scores[tokens.tobytes()]
                if np.isfinite(score):
                    study.tell(trial, float(score))
                else:
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _suggestion(run, trial):
    """Tokens int32 [1, D] of an Optuna trial, whose parameters are the active ones by index."""
    tokens = np.zeros((1, len(run.space)), np.int32)
    for column, parameter in enumerate(run.space.parameters):
        legal = parameter.legal_tokens(run.problem.num_bins)
        tokens[0, column] = legal[0]
        if len(legal) == 1 or not run.space.activity(tokens, run.problem.num_bins)[0, column]:
            continue
        name, last = str(column), len(legal) - 1
        if parameter.is_categorical:
            tokens[0, column] = legal[trial.suggest_categorical(name, range(len(legal)))]
        elif last < _MOST_LEVELS:
            tokens[0, column] = legal[trial.suggest_int(name, 0, last)]
        else:
            place = trial.suggest_float(name, 0.0, 1.0) * run.problem.num_bins - 0.5
            tokens[0, column] = legal[np.abs(legal - place).argmin()]
    return run.space.mask_inactive(tokens, run.problem.num_bins)
