"""Cells of the comparison: the search of a task and a seed, and each method after it; kept as JSON files.

    <workdir>/<task>-<fingerprint of the set-up>/<seed>/{search,single,...}.json     the cells
    ... and beside them                              /search/ /networks/ ...         what they leave for each other

Another set-up (sizes, epochs, ensemble size, ...) has another folder.
"""

import dataclasses
import json
import pathlib
import zlib

import keras

from benchmarks import ensemble_methods as methods
from benchmarks import ensemble_search, reference
from benchmarks import ensemble_tasks as tasks
from keras_hparam import errors

SEARCH = "search"


@dataclasses.dataclass(frozen=True)
class Setup:
    """What all cells share.

    Attributes:
        workdir: str, folder of the cells.
        data_dir: str, see `ensemble_data.load`.
        ensemble_size: K.
        overrides: ((attribute of `Task`, value), ...).
    """

    workdir: str
    data_dir: str
    ensemble_size: int
    overrides: tuple = ()

    def task(self, name):
        """The `Task` of a name, with the overrides."""
        return dataclasses.replace(tasks.TASKS[name], **dict(self.overrides))

    def directory(self, name, seed):
        """The folder of a task's seed."""
        facts = json.dumps([dataclasses.asdict(self.task(name)), tasks.ranges(self.task(name)), self.ensemble_size])
        return pathlib.Path(self.workdir) / f"{name}-{zlib.crc32(facts.encode()):08x}" / str(seed)


def read(setup, task_name, method, seed):
    """A cell that is finished, else `None`.

    Raises:
        CorruptFileError: if its file is damaged.
    """
    file = setup.directory(task_name, seed) / f"{method}.json"
    if not file.exists():
        return None
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise errors.CorruptFileError(f"Expected {file} to be JSON; delete it. Received: {error}.") from error


def complete(workdir, setup, task_name, method, seed):
    """Computes a cell unless it is there; the unit of work of a process (`workdir` is only for the log's sake)."""
    cell = read(setup, task_name, method, seed)
    if cell is None:
        keras.backend.clear_session()
        cell = _compute(setup, task_name, method, seed) | {"task": task_name, "method": method, "seed": seed}
        reference.write_json(setup.directory(task_name, seed) / f"{method}.json", cell)
    return cell


def _compute(setup, task_name, method, seed):
    task, directory = setup.task(task_name), setup.directory(task_name, seed)
    data = tasks.load(task, setup.data_dir, seed)
    if method == SEARCH:
        return ensemble_search.search(task, data, directory, seed)
    if read(setup, task_name, SEARCH, seed) is None:
        raise errors.UnavailableError(f"Expected the search of {task_name}, seed {seed}, to be there. Received: none.")
    tuner = ensemble_search.make_tuner(task, data, directory, seed, overwrite=False)
    run = methods.Run(task, data, seed, setup.ensemble_size, directory, tuner)
    return methods.METHODS[method](run)


def stages(task_names, method_names, num_seeds):
    """Lists of (task name, method, seed), in the order in which they have to be there: searches, networks, the rest."""
    for chosen in ([SEARCH], [m for m in method_names if m == "single"], [m for m in method_names if m != "single"]):
        yield [(task, method, seed) for task in task_names for method in chosen for seed in range(num_seeds)]
