"""What observing costs: the time of training steps with the learned schedule, relative to a cosine, in one run.

    python -m benchmarks.schedule_cost --workdir=W --data_dir=DIRECTORY --report

On an idle machine. Trainings with and without take turns; the first epochs, in which programs are compiled, do not
count.
"""

import pathlib
import time

import numpy as np
from absl import app, flags

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TASKS = ("digits_mlp", "digits_cnn", "fashion_lenet")
BATCH_SIZES = (32, 128)
SKIPPED, EPOCHS = 3, 40  # of the smaller sets; an epoch of Fashion-MNIST is long

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the table.", required=True)
flags.DEFINE_string("data_dir", None, "Directory of fashion_mnist.npz; without it that task is left out.")
flags.DEFINE_integer("repeats", 3, "Pairs of trainings.", lower_bound=1)
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def seconds(task, learned, epochs, batch_size, optimizer="momentum"):
    """(seconds per step after the first epochs, steps between decisions)."""
    import keras

    from benchmarks import schedule_runs
    from keras_hparam import callbacks, schedules

    data = task.load(FLAGS.data_dir, 0)
    (x, y), times = data["train"], []
    model = task.build(0, x.shape[1:], int(y.max()) + 1)
    steps, given = -(-len(x) // batch_size), []
    schedule = keras.optimizers.schedules.CosineDecay(0.05, steps * epochs)
    if learned:
        schedule = schedules.LearnedSchedule(0.05)
        given = [callbacks.TrainingDynamics(schedule, validation_data=data["validation"])]
    made = keras.optimizers.Adam(schedule)
    if optimizer == "momentum":
        made = keras.optimizers.SGD(schedule, momentum=schedule_runs.MOMENTUM)
    model.compile(made, "sparse_categorical_crossentropy")
    given.append(keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(time.perf_counter())))
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=given)
    keras.backend.clear_session()
    return (times[-1] - times[SKIPPED - 1]) / (epochs - SKIPPED) / steps, given[0].every if learned else 0


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import reference, schedule_tasks, tables

    content = []
    rows = [["task, optimizer, batch", "steps a decision", "cosine, ms", "learned, ms", "ratio [least, most]"]]
    for name in (name for name in TASKS if FLAGS.data_dir or "fashion" not in name):
        task = schedule_tasks.TASKS[name]
        epochs = SKIPPED + 8 if "fashion" in name else SKIPPED + EPOCHS
        for optimizer, batch_size in [("momentum", size) for size in BATCH_SIZES] + [("adam", BATCH_SIZES[0])]:
            pairs = [[seconds(task, learned, epochs, batch_size, optimizer) for learned in (False, True)]
                     for _ in range(FLAGS.repeats)]  # fmt: skip
            ratios = np.array([learned[0] / plain[0] for plain, learned in pairs])
            plain, learned = (1e3 * float(np.median([pair[i][0] for pair in pairs])) for i in (0, 1))
            label = f"{name}, {optimizer}, {batch_size}"
            rows.append([label, str(pairs[0][1][1]), f"{plain:.2f}", f"{learned:.2f}",
                         f"{np.median(ratios):.3f} [{ratios.min():.3f}, {ratios.max():.3f}]"])  # fmt: skip
            content.append({"label": label, "plain_ms": plain, "learned_ms": learned, "ratios": ratios.tolist()})
            print(rows[-1], flush=True)
    text = "\n".join(tables.align(rows))
    print(text)
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / "schedule_cost.json", content)
        (folder / "schedule_cost.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
