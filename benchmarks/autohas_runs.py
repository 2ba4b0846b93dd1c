"""One search of `benchmarks.autohas`: AutoHAS in its forms, KerasTuner's searches, the default configuration."""

import pathlib
import sys
import time

import keras
import keras_tuner as kt

from keras_hparam import AutoHAS
from keras_hparam.spaces import relaxed

# The spaces and the data of the programs.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import autohas_spaces  # noqa: E402
import ensemble_data  # noqa: E402

DEFAULT = autohas_spaces.DEFAULT
PEERS = ("random", "bayesian", "hyperband")
BUDGETS = (4, 16)
TRAININGS = {  # examples, held-out ones, epochs, batch size
    "digits": (1000, 400, 40, 64),
    "fashion_mnist": (6000, 2000, 10, 64),
}
SETTINGS = {
    "autohas": {},
    "policy_gradient": {"controller": "policy_gradient"},
    "architecture_only": {},
    "differentiable": {"method": "differentiable", "rounds": 3, "iterations": 0.5},
    "one_step_differentiable": {"method": "differentiable", "horizon": 1, "samples": 1},
    "one_step_reinforce": {"method": "reinforce", "horizon": 1, "samples": 3},
    "no_warm_up": {"method": "differentiable", "horizon": 1, "samples": 1, "warm_up": 0.0},
    "entropy": {"method": "differentiable", "horizon": 1, "samples": 1, "entropy": 0.1, "final_entropy": -0.05},
    "gumbel": {
        "method": "differentiable", "horizon": 1, "samples": 1, "relaxation": "gumbel", "temperature": 5.0,
        "final_temperature": 0.3,
    },
    "not_normalized": {"method": "differentiable", "horizon": 1, "samples": 1},
    "normalized": {"method": "differentiable", "horizon": 1, "samples": 1},
}  # fmt: skip
NORMALIZE = {"normalized": True, "not_normalized": False}  # operations without batch normalization


class Spent(BaseException):
    """The budget is spent; KerasTuner would take an `Exception` for a trial's failure."""


class Task:
    """Data and space of a task for a seed.

    Args:
        name: one of `TRAININGS`.
        seed: int.
        data_dir: str.
        fixed, normalize: as of `autohas_spaces.images`.
    """

    def __init__(self, name, seed, data_dir, fixed=False, normalize=None):
        size, held_out, self.epochs, self.batch_size = TRAININGS[name]
        self.seed, self.data = seed, ensemble_data.load(name, data_dir, seed, size, held_out)
        self.steps = self.epochs * (size // self.batch_size)
        self.build = autohas_spaces.images(self.data.train[0].shape[1:], 10, self.steps, fixed, normalize)

    def test(self, values):
        """Trains the values anew: dict of test accuracy and the values (losses would differ by their smoothing)."""
        keras.utils.set_random_seed(1000 + self.seed)
        model = self.build(relaxed.with_values(values))
        model.fit(*self.data.train, epochs=self.epochs, batch_size=self.batch_size, verbose=0)
        found = model.evaluate(*self.data.test, batch_size=1000, verbose=0, return_dict=True)
        return {"accuracy": found["accuracy"], "values": values}


def run(task_name, method, seed, data_dir, workdir):
    """The cell of a method: test accuracy, trainings and seconds that the search cost.

    Args:
        task_name, method: names.
        seed: int.
        data_dir: str.
        workdir: pathlib.Path, for KerasTuner's files.
    """
    task = Task(task_name, seed, data_dir, method == "architecture_only", NORMALIZE.get(method))
    if method in PEERS:
        return tuned(task, method, workdir / f"tuner-{task_name}-{method}-{seed}")
    if method == "default":
        return task.test(DEFAULT) | {"trainings": 0.0, "seconds": 0.0}
    began = time.perf_counter()
    search = AutoHAS(task.build, seed=seed, **SETTINGS[method])
    search.search(task.data.train, task.data.validation, task.epochs, task.batch_size)
    cost = {"trainings": search.cost / task.steps, "seconds": time.perf_counter() - began}
    return task.test(search.best_hyperparameters().values) | cost


def tuned(task, method, directory):
    """The cells of a KerasTuner search by budget, from one run: {"4": …, "16": …}."""
    noted = []  # of each trial: values, validation accuracy, epochs so far, seconds so far
    common = {"directory": directory, "overwrite": True, "project_name": "search", "seed": task.seed}
    objective = kt.Objective("val_accuracy", "max")
    most = max(BUDGETS)
    if method == "hyperband":
        tuner = kt.Hyperband(task.build, objective, max_epochs=task.epochs, hyperband_iterations=10, **common)
    else:
        made = {"random": kt.RandomSearch, "bayesian": kt.BayesianOptimization}[method]
        tuner = made(task.build, objective, max_trials=most, **common)
    began, finish = time.perf_counter(), tuner.on_trial_end

    def on_trial_end(trial):
        finish(trial)
        values = trial.hyperparameters.values
        epochs = values.get("tuner/epochs", task.epochs) - values.get("tuner/initial_epoch", 0)
        score = trial.score if trial.score is not None else float("-inf")
        before = noted[-1]["epochs"] if noted else 0
        noted.append({
            "values": {name: value for name, value in values.items() if not name.startswith("tuner/")},
            "score": score, "epochs": before + epochs, "seconds": time.perf_counter() - began,
        })  # fmt: skip
        if noted[-1]["epochs"] >= most * task.epochs:
            raise Spent

    tuner.on_trial_end = on_trial_end
    try:
        tuner.search(
            *task.data.train, validation_data=task.data.validation, epochs=task.epochs, batch_size=task.batch_size,
            verbose=0,
        )  # fmt: skip
    except Spent:
        pass
    found = {}
    for budget in BUDGETS:
        spent = [trial for trial in noted if trial["epochs"] <= budget * task.epochs]
        best = max(spent, key=lambda trial: trial["score"])
        cost = {"trainings": spent[-1]["epochs"] / task.epochs, "seconds": spent[-1]["seconds"]}
        found[str(budget)] = task.test(best["values"]) | cost
    return found


def horizon(task_name, data_dir):
    """Rank correlations of short trainings with whole ones."""
    from benchmarks import autohas_horizon

    return autohas_horizon.measure(Task(task_name, 0, data_dir))


def cost(task_name, data_dir, iterations=40):
    """Milliseconds of a plain step of the supernet and of a search iteration one step ahead, and their ratios."""
    from benchmarks import autohas_costs

    return autohas_costs.measure(Task(task_name, 0, data_dir), iterations)

