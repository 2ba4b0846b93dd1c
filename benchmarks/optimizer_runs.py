"""Trainings of one network with one optimizer, at several rates and seeds, by one compiled program.

Axes: T steps, B examples of a step, S seeds, R learning rates.
"""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf

from keras_hparam.optimizers import LearnedOptimizer

PARTS = 10  # calls of the program in a training
EVALUATED = 2048  # examples, at most, of the losses at the end
RATES = {"adam": (1e-4, 1e-1), "sgd": (1e-3, 1.0)}  # 7 of them, half a decade apart
NUM_RATES = 7


@dataclasses.dataclass(frozen=True)
class Method:
    """An optimizer and what it is told.

    Attributes:
        kind: "learned", "untrained", "adam" or "sgd".
        share: of the task's steps that a training has.
        knows_steps: whether a learned optimizer is told how many they are.
        cosine: whether the rate falls to 0 along a cosine.
    """

    kind: str
    share: float = 1.0
    knows_steps: bool = True
    cosine: bool = False

    @property
    def rates(self):
        """The learning rates to try; a learned optimizer has none."""
        return np.geomspace(*RATES[self.kind], NUM_RATES) if self.kind in RATES else np.ones(1)

    def steps(self, task):
        """T, a multiple of `PARTS`."""
        return round(task.steps * self.share / PARTS) * PARTS

    def make(self, task, weights):
        """The optimizer, for a rate of 1."""
        if self.kind == "adam":
            return keras.optimizers.Adam(1.0)
        if self.kind == "sgd":
            return keras.optimizers.SGD(1.0, momentum=0.9)
        options = {"config": weights_config(weights)} if self.kind == "untrained" else {}
        steps = self.steps(task) if self.knows_steps else None
        return LearnedOptimizer(None if self.kind == "untrained" else weights, steps=steps, **options)

    def schedule(self, task):
        """The rates of all steps [T], relative to the first."""
        steps = self.steps(task)
        return 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps)) if self.cosine else np.ones(steps)


METHODS = {
    "learned": Method("learned"),
    "learned, in 70% of the steps": Method("learned", share=0.7),
    "learned, in 50% of the steps": Method("learned", share=0.5),
    "learned, not told the steps": Method("learned", knows_steps=False),
    "untrained": Method("untrained"),
    "Adam, best rate": Method("adam"),
    "Adam with cosine decay, best rate": Method("adam", cosine=True),
    "SGD with momentum, best rate": Method("sgd"),
}


def weights_config(source):
    """The configuration of the rule of some weights."""
    return LearnedOptimizer(source).rule.config


class Training:
    """A network, an optimizer and the program that trains it; each run begins anew.

    Args:
        task: `optimizer_tasks.Task`.
        shapes: of an input and of a target.
        optimizer: Keras optimizer.
    """

    def __init__(self, task, shapes, optimizer):
        self.task, self.shapes, self.optimizer, self.loss = task, shapes, optimizer, task.loss
        self.model = task.build(shapes)
        optimizer.build(self.model.trainable_variables)
        self._beginning = [variable.numpy() for variable in optimizer.variables]
        self._program = tf.function(self._steps, jit_compile=True)
        self._evaluate = tf.function(lambda x, y: self.loss(y, self.model(x, training=False)), jit_compile=True)

    def _steps(self, x, y, rates):
        """The losses [T] of the steps on minibatches x [T, B, …] and y [T, B, …], at rates [T]."""
        losses = tf.TensorArray("float32", len(rates), element_shape=())
        for step in tf.range(len(rates)):
            self.optimizer.learning_rate.assign(rates[step])
            with tf.GradientTape() as tape:
                loss = self.loss(y[step], self.model(x[step], training=True))
            variables = self.model.trainable_variables
            self.optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
            losses = losses.write(step, loss)
        return losses.stack()

    def begin(self, seed):
        """New weights and an optimizer that has made no step."""
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.task.build(self.shapes).get_weights())
        for variable, value in zip(self.optimizer.variables, self._beginning, strict=True):
            variable.assign(value)

    def run(self, data, rates, seed):
        """Dict of the losses of one training: "curve" [T], at the "end" on training and on "held_out" data.

        Args:
            data: `ensemble_data.Data`.
            rates: float [T].
            seed: of weights and minibatches.
        """
        self.begin(seed)
        rows = minibatches(len(data.train[0]), self.task.batch_size, len(rates), seed)
        curve, began = [], time.perf_counter()
        for part, some in zip(np.split(rows, PARTS), np.split(rates.astype("float32"), PARTS), strict=True):
            curve += self._program(data.train[0][part], data.train[1][part], tf.constant(some)).numpy().tolist()
        seconds = time.perf_counter() - began
        ends = [self._evaluate(*(array[:EVALUATED] for array in part)) for part in (data.train, data.validation)]
        return {"curve": curve, "end": float(ends[0]), "held_out": float(ends[1]), "seconds": seconds}


def minibatches(examples, batch_size, steps, seed):
    """The examples int [steps, batch_size] of each step, in epochs of random orders."""
    rng, needed = np.random.default_rng(seed), steps * batch_size
    orders = [rng.permutation(examples) for _ in range(-(-needed // examples))]
    return np.concatenate(orders)[:needed].reshape(steps, batch_size)


def compute(task, method, data_dir, seeds, weights):
    """All trainings of a task by a method: dict with "rates" [R] and, for each of them and seed, what `run` gives."""
    splits = [task.load(data_dir, seed) for seed in range(seeds)]
    training = Training(task, [part.shape[1:] for part in splits[0].train], method.make(task, weights))
    schedule, runs = method.schedule(task), []
    training.run(splits[0], schedule * method.rates[0], 0)  # compiles
    for rate in method.rates:
        runs.append([training.run(data, schedule * rate, seed) for seed, data in enumerate(splits)])
    return {"rates": method.rates.tolist(), "steps": len(schedule), "runs": runs}
