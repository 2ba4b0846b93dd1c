"""What a hyper-batch ensemble costs beside K networks of their own: a training step, parameters, inference.

Axes: K members, n rows of a batch per member, a inputs and b outputs of a dense layer, P hyperparameters. Everything is
measured in one process, what is compared in turns, and the median of the rounds is reported.
"""

import os
import time

import numpy as np
import tensorflow as tf

from benchmarks import ensemble_scores as scores
from benchmarks import ensemble_tasks as tasks
from benchmarks import tables
from keras_hparam import ensembles, layers
from tools import ensemble_data, ensemble_networks

NETWORKS = {"mlp": 128, "lenet": 64}  # n
STEPS, ROUNDS = 30, 11  # 30: ten tuning steps
NEVER = 10**9  # steps between tuning steps
FIXED = {"learning_rate": 1e-3, "dropout": 0.1, "label_smoothing": 0.01}


def measure(ensemble_size):
    """(text, JSON content) with the costs of both networks."""
    content, texts = {"ensemble_size": ensemble_size, "cores": os.cpu_count(), "load_before": os.getloadavg()[0]}, []
    for network, rows in NETWORKS.items():
        costs = Costs(network, rows, ensemble_size)
        found = {"training_ms": costs.training(), "parameters": costs.parameters(), "inference_ms": costs.inference()}
        content[network] = found
        texts.append(render(network, rows, ensemble_size, found))
    head = f"K = {ensemble_size}, {content['cores']} cores, load before the run {content['load_before']:.1f}"
    return "\n\n".join([head, *texts]), content


class Costs:
    """The models of one network, side by side.

    Args:
        network: a network for images of `ensemble_networks`.
        rows: n.
        ensemble_size: K.
    """

    def __init__(self, network, rows, ensemble_size):
        self.task = tasks.Task(network, "fashion_mnist", network, batch_size=rows)
        rng = np.random.default_rng(0)
        images = rng.random((2000, 28, 28, 1), "float32")
        labels = np.eye(10, dtype="float32")[rng.integers(10, size=len(images))]
        self.data = ensemble_data.Data(*[(images, labels)] * 3)
        self.plain = [self._plain(1e-5) for _ in range(ensemble_size)]
        ranges = [ensembles.L2(*tasks.L2), ensembles.DropoutRate(*tasks.DROPOUT)]
        ranges.append(ensembles.LabelSmoothing(*tasks.LABEL_SMOOTHING))
        self.hyper, self.without_tuning, self.batch = (
            self._shared(ensemble_size, chosen, every) for chosen, every in ((ranges, 3), (ranges, NEVER), ((), 3))
        )

    def _plain(self, l2):
        names = ensemble_networks.L2_LAYERS[self.task.network]
        return tasks.build(self.task, self.data, FIXED | {f"l2_{name}": l2 for name in names})

    def _shared(self, ensemble_size, ranges, tuning_every):
        model = ensembles.HyperBatchEnsemble.from_model(self._plain(0.0 if ranges else 1e-5), ensemble_size, ranges)
        model.compile(**tasks.compile_arguments(self.task, 1e-3), tuning_every=tuning_every)
        return model

    def training(self):
        """Milliseconds of a step by what takes it: all K networks, one after the other, or one ensemble."""
        tuning = {"tuning_data": self.data.validation}
        compared = {
            "K networks": [self._steps(model) for model in self.plain],
            "batch ensemble": [self._steps(self.batch)],
            "hyper-batch, no tuning steps": [self._steps(self.without_tuning, **tuning)],
            "hyper-batch": [self._steps(self.hyper, **tuning)],
        }
        calls = {name: lambda parts=parts: [part() for part in parts] for name, parts in compared.items()}
        return in_turns(calls, 1000 / STEPS)

    def _steps(self, model, **kwargs):
        """A callable that makes `STEPS` training steps with the function that `fit` uses, on a batch in memory."""
        batch = tuple(array[: self.task.batch_size] for array in self.data.train)
        model.fit(*batch, batch_size=self.task.batch_size, verbose=0, **kwargs)
        batches = iter(tf.data.Dataset.from_tensors(batch).cache().repeat())

        def call():
            for _ in range(STEPS):
                logs = model.train_function(batches)
            return float(logs["loss"])  # waits for the last step

        return call

    def parameters(self):
        """Counts of the models, and for each dense layer the count beside 2ab + 2K(a + 2b) + 2Pb."""
        size, columns = self.hyper.ensemble_size, len(self.hyper.columns)
        found = []
        for layer in self.hyper.network.layers:
            if isinstance(layer, layers.DenseHyperBatchEnsemble):
                a, b = self.plain[0].get_layer(layer.name).kernel.shape
                formula = 2 * a * b + 2 * size * (a + 2 * b) + 2 * columns * b
                found.append({"layer": layer.name, "counted": layer.count_params(), "formula": formula})
        models = {"K networks": size * self.plain[0].count_params(), "hyper-batch": self.hyper.count_params()}
        return {"models": models | {"batch ensemble": self.batch.count_params()}, "dense_layers": found}

    def inference(self):
        """Milliseconds of 1,000 examples through K networks, and through the K that the ensemble folds into."""
        compared = {"K networks": self.plain, "folded hyper-batch": self.hyper.fold()}
        return in_turns({k: scores.compiled(models, self.data.test[0]) for k, models in compared.items()}, 1000, 25)


def in_turns(compared, scale=1.0, rounds=ROUNDS):
    """Median seconds (times `scale`) of each call, by name, called in turns after two rounds to warm up."""
    seconds = {name: [] for name in compared}
    for _ in range(rounds + 2):
        for name, call in compared.items():
            started = time.perf_counter()
            call()
            seconds[name].append(scale * (time.perf_counter() - started))
    return {name: float(np.median(values[2:])) for name, values in seconds.items()}


def render(network, rows, ensemble_size, found):
    """The tables of one network."""
    lines = [f"== {network}, {rows} rows per member"]
    for title, name in (("training step, ms", "training_ms"), ("inference, ms per 1,000 examples", "inference_ms")):
        base = found[name]["K networks"]
        table = [[title, "ms", "relative"]]
        table += [[key, f"{value:.2f}", f"{value / base:.2f}"] for key, value in found[name].items()]
        lines += tables.align(table)
    models = found["parameters"]["models"]
    lines += tables.align([["parameters", ""], *([key, f"{value:,}"] for key, value in models.items())])
    table = [["dense layer", "counted", f"2ab + 2K(a + 2b) + 2Pb, K = {ensemble_size}"]]
    table += [[e["layer"], f"{e['counted']:,}", f"{e['formula']:,}"] for e in found["parameters"]["dense_layers"]]
    return "\n".join([*lines, *tables.align(table)])

