"""What `search_autohas.py` does: data, space, search, the last training, and what is left in the workdir."""

import contextlib
import json
import pathlib
import shutil
import time

import _course
import _strategy
import autohas_spaces
import ensemble_data
import keras

from keras_hparam import AutoHAS, atomic, errors, reports
from keras_hparam.autohas import pictures
from keras_hparam.reports.scalar_log import ScalarLog

MODEL, RESULT, PICTURE = "model.keras", "result.json", "encodings.png"


def run(flags, settings, strategy):
    """Searches, trains what was found, saves.

    Args:
        flags: the program's flags.
        settings: dict, of `AutoHAS`.
        strategy: `tf.distribute.Strategy` or None.
    """
    workdir = pathlib.Path(flags.workdir)
    data = ensemble_data.load(flags.data, flags.data_dir, flags.seed, flags.train_size, flags.validation_size)
    if flags.batch_size > min(len(data.train[0]), len(data.validation[0])):
        raise errors.InvalidArgumentError(
            "Expected --batch_size <= the training and the validation examples, "
            f"{len(data.train[0])} and {len(data.validation[0])}. Received: {flags.batch_size}."
        )
    steps = flags.epochs * (len(data.train[0]) // flags.batch_size)
    is_regression = ensemble_data.is_regression(flags.data)
    shape = data.train[0].shape[1:]
    build = autohas_spaces.tables(*shape, steps) if is_regression else autohas_spaces.images(shape, 10, steps)
    search = AutoHAS(build, directory=workdir, strategy=strategy, **settings)
    with _course.held(workdir, strategy):
        if not flags.resume and _course.is_chief(strategy):
            shutil.rmtree(workdir / "checkpoints", ignore_errors=True)
        began = time.perf_counter()
        with _reporter(workdir, strategy) as report:
            search.search(data.train, data.validation, flags.epochs, flags.batch_size, progress=report)
        seconds = time.perf_counter() - began
        if _course.is_chief(strategy):
            _finish(flags, search, data, workdir, seconds, search.cost / steps)
    _strategy.meet(strategy)


@contextlib.contextmanager
def _reporter(workdir, strategy):
    """A progress callback that prints rounds and every 50th iteration, and logs all; None where others do it."""
    if not _course.is_chief(strategy):
        yield None
        return
    with ScalarLog(workdir / "tensorboard") as log:

        def report(figures):
            log.write(figures["cost"], figures)
            if "mean_loss" in figures or figures["iteration"] % 50 == 0:
                shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items() if "/" not in name)
                print(shown, flush=True)

        yield report


def _finish(flags, search, data, workdir, seconds, trainings):
    reports.save_figure(pictures.encodings_figure(search.history, search.searcher.supernet.bases), workdir / PICTURE)
    values = search.best_hyperparameters(flags.continuous).values
    keras.utils.set_random_seed(flags.seed)  # the last training begins the same, however often the search was resumed
    model = search.best_model(flags.continuous, flags.inherit_weights)
    model.fit(*data.train, epochs=flags.epochs, batch_size=flags.batch_size, verbose=0)
    scores = {
        part: model.evaluate(*getattr(data, part), batch_size=1000, verbose=0, return_dict=True)
        for part in ("validation", "test")
    }
    partial = workdir / f".partial_{MODEL}"
    model.save(partial)
    partial.replace(workdir / MODEL)
    named = {name: {str(value): p for value, p in part.items()} for name, part in search.encodings().items()}
    result = {"hyperparameters": values, "encodings": named, "trainings": trainings, "seconds": seconds, **scores}
    atomic.write_bytes(workdir / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    print(f"searched for {seconds:.0f} s, {trainings:.2f} trainings; found", json.dumps(values))
    for part, found in scores.items():
        print(f"{part:<12}", "  ".join(f"{name} {value:.4f}" for name, value in found.items()))
    print(f"everything lies in {workdir.resolve()}")
