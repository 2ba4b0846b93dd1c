"""What observing costs: the CPU time of training steps with the learned schedule, relative to a cosine, in one run.

    python -m benchmarks.schedule_cost --workdir=W --data_dir=DIRECTORY --report

Two trainings, with and without, take turns epoch by epoch in one process with one thread for each operation, so that
what else the machine does meets both; the first epochs, in which programs are compiled, do not count. Time is CPU time
of all threads: of wall time other machines on the same host take shares that change from second to second. A ratio is
of `GROUP` epochs of each. The first row of each task is a control, a cosine beside a cosine; the last ones are without
the cap on the relative step: what is left then is the cost of observing and deciding.
"""

import pathlib
import threading
import time

import numpy as np
from absl import app, flags

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TASKS = ("digits_mlp", "digits_cnn", "fashion_lenet")
KINDS = {"cosine": ", control", "learned": "", "no cap": ", without cap"}
CASES = (
    ("cosine", "momentum", 32), ("learned", "momentum", 32), ("learned", "momentum", 128), ("learned", "adam", 32),
    ("no cap", "momentum", 32), ("no cap", "momentum", 128),
)  # fmt: skip
SKIPPED, EPOCHS, GROUP = 3, 120, 8
LONG_EPOCHS, LONG_GROUP = 24, 2  # of Fashion-MNIST

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the table.", required=True)
flags.DEFINE_string("data_dir", None, "Directory of fashion_mnist.npz; without it that task is left out.")
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def training(task, kind, epochs, batch_size, optimizer, turn, other):
    """A training to be made in a thread: its `times` per epoch and `every`, the steps between its decisions, are left.

    Args:
        kind: one of `KINDS`.
        turn, other: semaphores: an epoch waits for the first and gives the second.
    """
    import keras

    from benchmarks import schedule_runs
    from keras_hparam import callbacks, schedules

    data, times, began = task.load(FLAGS.data_dir, 0), [], []
    (x, y) = data["train"]
    model = task.build(0, x.shape[1:], int(y.max()) + 1)
    steps, given = -(-len(x) // batch_size), []
    schedule = keras.optimizers.schedules.CosineDecay(0.05, steps * epochs)
    if kind != "cosine":
        schedule = schedules.LearnedSchedule(0.05, **({"cap": None} if kind == "no cap" else {}))
        given = [callbacks.TrainingDynamics(schedule, validation_data=data["validation"])]
    made = keras.optimizers.Adam(schedule)
    if optimizer == "momentum":
        made = keras.optimizers.SGD(schedule, momentum=schedule_runs.MOMENTUM)
    model.compile(made, "sparse_categorical_crossentropy")

    def begin(*_):
        turn.acquire()
        began.append(time.process_time())

    def end(*_):
        times.append((time.process_time() - began[-1]) / steps)
        other.release()

    first = keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    last = keras.callbacks.LambdaCallback(on_epoch_end=end)

    def run():
        model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[first, *given, last])

    thread = threading.Thread(target=run)
    thread.times, thread.dynamics = times, given
    return thread


def seconds(task, kinds, batch_size, optimizer, epochs, group):
    """(CPU seconds per step of two kinds, of groups of epochs: [2, groups]; steps between decisions)."""
    import keras

    turns = threading.Semaphore(1), threading.Semaphore(0)
    both = [
        training(task, kind, SKIPPED + epochs, batch_size, optimizer, turns[index], turns[1 - index])
        for index, kind in enumerate(kinds)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    keras.backend.clear_session()
    times = np.array([thread.times for thread in both])[:, SKIPPED:]
    every = str(both[1].dynamics[0].every) if both[1].dynamics else "–"
    return times.reshape(2, -1, group).mean(-1), every


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import reference, schedule_tasks, tables

    content = []
    rows = [["task, optimizer, batch", "steps a decision", "cosine, ms", "with, ms", "ratio [quartiles]"]]
    for name in (name for name in TASKS if FLAGS.data_dir or "fashion" not in name):
        task = schedule_tasks.TASKS[name]
        size = (LONG_EPOCHS, LONG_GROUP) if "fashion" in name else (EPOCHS, GROUP)
        for kind, optimizer, batch_size in CASES:
            (plain, other), every = seconds(task, ("cosine", kind), batch_size, optimizer, *size)
            low, middle, high = np.quantile(other / plain, [0.25, 0.5, 0.75])
            label = f"{name}, {optimizer}, {batch_size}" + KINDS[kind]
            milliseconds = [1e3 * float(np.median(times)) for times in (plain, other)]
            rows.append([label, every, *(f"{ms:.2f}" for ms in milliseconds),
                         f"{middle:.3f} [{low:.3f}, {high:.3f}]"])  # fmt: skip
            content.append({"label": label, "plain_cpu_ms": milliseconds[0], "cpu_ms": milliseconds[1],
                            "ratios": (other / plain).tolist()})  # fmt: skip
            print(rows[-1], flush=True)
    text = "\n".join(tables.align(rows))
    print(text)
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / "schedule_cost.json", content)
        (folder / "schedule_cost.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
