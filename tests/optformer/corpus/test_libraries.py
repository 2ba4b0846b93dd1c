"""Policies of Optuna's samplers: legal trials, none twice, better than chance, and a clear error without Optuna."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from keras_hparam.optformer.corpus import generation
from keras_hparam.optformer.corpus.policies import POLICIES, libraries
from keras_hparam.optformer.corpus.policies.run import Run
from keras_hparam.spaces import Condition, Parameter, SearchSpace

MIXED = SearchSpace(
    (
        Parameter("lr", "float", low=1e-4, high=1.0, scale="log"),
        Parameter("use", "boolean"),
        Parameter("rate", "float", low=0.0, high=1.0, conditions=(Condition("use", (True,)),)),
        Parameter("kind", "choice", values=("a", "b", "c")),
        Parameter("count", "int", low=1, high=900, scale="log"),
    )
)
CUBE = SearchSpace(tuple(Parameter(f"x{i}", "float", low=0.0, high=1.0) for i in range(3)))


class Sphere:
    """Minus the squared distance from a place; every third place of the first parameter may fail."""

    num_bins, sign, goal = 1000, 1.0, "max"

    def __init__(self, space, failing=False):
        self.space, self._failing = space, failing

    def observe(self, rng, tokens):
        values = -np.sum((tokens / 1000.0 - 0.37) ** 2, axis=1)
        return np.where(tokens[:, 0] % 3 == 0, np.nan, values) if self._failing else values


def made(name, problem, trials, seed=0):
    run = Run(np.random.default_rng(seed), problem, trials)
    libraries.LIBRARY_POLICIES[name](run)
    return run


@pytest.fixture(autouse=True)
def installed():
    for module in libraries.MODULES:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


@pytest.mark.parametrize("name", sorted(libraries.LIBRARY_POLICIES))
def test_all_trials_are_made_and_legal_and_differ(name, monkeypatch):
    monkeypatch.setattr(libraries, "LONGEST_GAUSSIAN_PROCESS", 9)
    cases = ((1, False), (12, True), (40, False)) if name != "optuna_gp" else ((12, True),)  # it is slow
    for seed, (trials, failing) in enumerate(cases):
        run = made(name, Sphere(MIXED, failing), trials, seed)
        assert run.count == trials and len(np.unique(run.tokens, axis=0)) == trials
        for tokens in run.tokens:
            np.testing.assert_array_equal(MIXED.to_tokens(MIXED.from_tokens(tokens)), tokens)


@pytest.mark.parametrize("name", sorted(libraries.LIBRARY_POLICIES))
def test_a_small_space_is_exhausted(name):
    space = SearchSpace((Parameter("a", "choice", values=("x", "y")), Parameter("b", "int", low=1, high=2)))
    run = made(name, Sphere(space), 20)
    assert run.count == 4 and len(np.unique(run.tokens, axis=0)) == 4


@pytest.mark.parametrize("name", ["optuna_tpe", "optuna_cmaes"])
def test_they_beat_random_search_on_a_sphere(name):
    best = np.mean([made(name, Sphere(CUBE), 60, seed).scores.max() for seed in range(4)])
    random = []
    for seed in range(20):
        run = Run(np.random.default_rng(seed), Sphere(CUBE), 60)
        POLICIES["random"](run)
        random.append(run.scores.max())
    assert best > np.mean(random)


def test_they_are_deterministic():
    for name in ("optuna_tpe", "optuna_cmaes"):
        runs = [made(name, Sphere(MIXED), 15, seed=5) for _ in range(2)]
        np.testing.assert_array_equal(runs[0].tokens, runs[1].tokens)


def test_a_share_of_a_corpus_is_theirs(monkeypatch):
    ran = []
    for name in libraries.LIBRARY_POLICIES:
        monkeypatch.setitem(libraries.LIBRARY_POLICIES, name, lambda run, name=name: ran.append(name))
    corpus = generation.Corpus(studies=300, library_share=0.4, max_trials=3, max_parameters=3)
    studies = [generation._generated(corpus, index) for index in range(300)]
    assert 90 < len(ran) < 150 and set(ran) == set(libraries.LIBRARY_SHARES)
    assert sum(len(study) == 0 for study in studies) == len(ran)


def test_a_missing_library_is_named():
    program = (
        "import sys; sys.modules['optuna'] = None\n"
        "from keras_hparam import errors\n"
        "from keras_hparam.optformer.corpus.policies import libraries\n"
        "try:\n    libraries.check_installed()\n"
        "except errors.UnavailableError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "keras_hparam[corpus]" in done.stdout
