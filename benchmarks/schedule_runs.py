"""Trainings with the learned schedule, in `fit`, as a user runs them."""

import keras
import numpy as np

from keras_hparam import callbacks, schedules
from keras_hparam.learned_schedules import Controller, ControllerConfig

INITIAL = {"learned": 0.05, "learned_adam": 0.003, "untrained": 0.05}  # the same on all tasks
MOMENTUM = 0.9


def train(task, method, factor, data_dir, seed, controller="schedule-controller"):
    """Dict of "validation_loss" and "test_accuracy" at the end, and the course of the rate.

    Args:
        task: `schedule_tasks.Task`.
        method: "learned" with momentum, "learned_adam", or "untrained": a cosine with the cap.
        factor: of the initial rate.
        data_dir: of Fashion-MNIST.
        seed: int.
        controller: shipped name or directory.
    """
    data = task.load(data_dir, seed)
    (x, y), validation = data["train"], data["validation"]
    model = task.build(seed, x.shape[1:], int(y.max()) + 1)
    if method == "untrained":
        controller = Controller(ControllerConfig(base="cosine"))
    schedule = schedules.LearnedSchedule(INITIAL[method] * factor, controller)
    optimizer = keras.optimizers.Adam(schedule)
    if method != "learned_adam":
        optimizer = keras.optimizers.SGD(schedule, momentum=MOMENTUM)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    dynamics = callbacks.TrainingDynamics(schedule, validation_data=validation)
    model.fit(x, y, batch_size=task.batch_size, epochs=task.epochs, verbose=0, callbacks=[dynamics])
    loss = model.evaluate(*validation, verbose=0)[0]
    accuracy = model.evaluate(*data["test"], verbose=0)[1]
    rates = np.array(dynamics.history["learning_rate"])
    keras.backend.clear_session()
    return {"validation_loss": float(loss), "test_accuracy": float(accuracy), "rates": rates.tolist()}
