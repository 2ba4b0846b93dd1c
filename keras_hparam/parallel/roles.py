"""One call for the chief, for each worker and for a search in one process; the environment says which it is."""

import concurrent.futures
import inspect
import os
import time

import grpc
from keras_tuner.src import protos

from keras_hparam import errors
from keras_hparam.checkpoints import Exclusive
from keras_hparam.parallel.chief import Chief
from keras_hparam.parallel.durable import make_durable
from keras_hparam.parallel.service import Service
from keras_hparam.parallel.settings import ParallelSettings, address, role
from keras_hparam.parallel.worker import StopLost, WorkerOracle

THREADS = 256  # calls at once: a worker waits in one at a time
TICK = 0.2  # seconds


def search(tuner, *fit_args, settings=None, **fit_kwargs):
    """Searches with a chief and any number of workers, each a process that runs the same program.

    KerasTuner's environment variables say what a process is: `KERASTUNER_TUNER_ID` (the chief's name contains
    "chief"), `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT` of the chief. Without them the search runs here. The
    chief serves until the search is over; all see the tuner's `directory`. A worker that dies, hangs or loses its
    connection costs its trial's time: the trial runs again. A chief that is started again goes on where the last one
    was, with the workers that are still there. Tuners of `kh.tuners` search like this by themselves.

    Args:
        tuner: any `keras_tuner.Tuner`, made in each process with the same arguments, `overwrite=False` in workers.
        *fit_args, **fit_kwargs: as of `tuner.search`.
        settings: `ParallelSettings`; None: the defaults.

    Raises:
        InvalidArgumentError: if only some of the variables are set.
        InUseError: in the chief, if its port or the directory is another one's.
        UnavailableError: in a worker whose chief cannot be reached or ended the search; in a chief without disk space.
        RuntimeError: in the chief, after too many failed trials in a row.

    Example:

    ```python
    tuner = keras_tuner.BayesianOptimization(build, "val_accuracy", max_trials=100, directory="/shared/search")
    kh.parallel.search(tuner, x, y, validation_data=(x_val, y_val), epochs=10)
    ```
    """
    settings, what = settings or ParallelSettings(), role()
    if what != "worker":
        take_up(tuner)
    if what == "chief":
        if fit_kwargs.get("verbose") is not None:
            tuner.oracle.verbose = fit_kwargs["verbose"]
        tuner.save()
        serve(tuner.oracle, settings)
    elif what == "worker":
        tuner.oracle = WorkerOracle(tuner.oracle._oracle, settings.chief_seconds)
        if _takes_callbacks(tuner.run_trial):
            fit_kwargs["callbacks"] = [*(fit_kwargs.get("callbacks") or ()), StopLost(tuner.oracle)]
        try:
            tuner.search(*fit_args, **fit_kwargs)
        finally:
            tuner.oracle.close()
    else:
        tuner.search(*fit_args, **fit_kwargs)


def _takes_callbacks(run_trial):
    """Whether trials can be ended early; the `run_trial` of a tuner of the user's may know no callbacks."""
    parameters = inspect.signature(run_trial).parameters
    return "callbacks" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def take_up(tuner):
    """Goes on with a project that was begun in another role; KerasTuner looks for one of its own name alone.

    Args:
        tuner: `keras_tuner.Tuner`, not of a worker.
    """
    if not tuner.oracle.trials and os.path.exists(tuner.oracle._get_oracle_fname()):
        tuner.oracle.reload()


def serve(oracle, settings, at=None, on_trial_begin=None, on_trial_end=None, check=None):
    """Serves an Oracle to workers until its search is over; see `search`, which does this in the chief.

    Args:
        oracle: `keras_tuner.Oracle` in its project directory.
        settings: `ParallelSettings`.
        at: host:port; None: of the environment.
        on_trial_begin, on_trial_end: callable(trial) or None, called when a trial is given to a worker, and after each
            end of one.
        check: callable or None, called again and again, that may raise; `Workers.check` for instance.

    Raises:
        InvalidArgumentError: for a directory that is no path of a file system.
        InUseError: if the address or the project directory is another one's.
        Exception: what ended the search before its time.
    """
    at = at or address()
    make_durable(oracle)
    with Exclusive(oracle._project_dir, "directory"):
        chief = Chief(oracle, settings, on_trial_begin, on_trial_end)
        pool = concurrent.futures.ThreadPoolExecutor(THREADS)
        # Without this option a second server on the port would be taken for one more of the same.
        server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
        protos.get_service_grpc().add_OracleServicer_to_server(Service(chief), server)
        try:
            bound = server.add_insecure_port(at)
        except RuntimeError as error:
            bound, reason = 0, error
        else:
            reason = "it cannot be bound"
        if not bound:
            raise errors.InUseError(f"Expected a free address for the chief. Received: {at}, {reason}.")
        server.start()
        try:
            while not chief.watch():
                if check is not None:
                    check()
                time.sleep(TICK)
        finally:
            server.stop(grace=5).wait()
    if chief.error is not None:
        raise chief.error
