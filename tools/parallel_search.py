"""The processes of a search on several workers: flags, the chief that shows the progress, and a worker."""

import os
import pathlib
import socket
import sys
import time

from absl import flags

FLAGS = flags.FLAGS
flags.DEFINE_integer("workers", 0, "start so many workers on this machine, one device each; 0: none", lower_bound=0)
flags.DEFINE_enum(
    "role", "alone", ["alone", "chief", "worker"], "on several machines: one chief, many workers, one --workdir for all"
)
flags.DEFINE_string("address", "", "host:port of the chief, with --role; or KerasTuner's environment variables")
flags.DEFINE_float("lease_seconds", 60.0, "a trial is given to another worker when its own was silent for so long")
flags.DEFINE_float("trial_seconds", None, "a trial that takes longer fails", lower_bound=0.0)
START = 300.0  # seconds that a worker waits for the chief to have begun


@flags.multi_flags_validator(["role", "workers"], "--workers go with --role=chief or without a role")
def _workers_have_a_chief(values):
    return values["role"] != "worker" or values["workers"] == 0


@flags.validator("address", "Expected --address to be host:port")
def _is_an_address(value):
    host, _, port = value.rpartition(":")
    return not value or (bool(host) and port.isdigit() and 0 < int(port) < 65536)


def is_parallel():
    """Whether workers run the trials."""
    return FLAGS.workers > 0 or FLAGS.role != "alone"


def is_worker():
    """Whether a chief elsewhere says what to run."""
    return FLAGS.role == "worker"


def set_environment():
    """Tells KerasTuner, before a tuner is made, what this process is."""
    if not is_parallel():
        return
    address = FLAGS.address or _of_environment() or (None if FLAGS.role != "alone" else f"127.0.0.1:{_free_port()}")
    if address is None:
        sys.exit(f"tune: Expected --address=host:port of the chief with --role={FLAGS.role}. Received: none.")
    host, _, port = address.rpartition(":")
    name = os.environ.get("KERASTUNER_TUNER_ID") or f"worker-{socket.gethostname()}-{os.getpid()}"
    os.environ["KERASTUNER_TUNER_ID"] = name if is_worker() else "chief"
    os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"] = host, port


def wait_for_chief(path):
    """A worker waits until the chief has written the search's settings."""
    deadline = time.monotonic() + START
    while not path.is_file():
        if time.monotonic() > deadline:
            sys.exit(f"tune: Expected the chief to have begun a search in {path.parent}. Received: no {path.name}.")
        time.sleep(0.2)


def _of_environment():
    host, port = (os.environ.get(f"KERASTUNER_ORACLE_{part}") for part in ("IP", "PORT"))
    return f"{host}:{port}" if host and port else None


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def settings():
    """The `ParallelSettings` of the flags."""
    from keras_hparam import parallel

    return parallel.ParallelSettings(lease_seconds=FLAGS.lease_seconds, trial_seconds=FLAGS.trial_seconds)


def serve(observer):
    """The chief: serves its workers, here and elsewhere, until the search is over."""
    import tensorflow as tf

    from keras_hparam import parallel

    workdir, at = pathlib.Path(FLAGS.workdir), _of_environment()
    told = {"on_trial_begin": observer.on_begin, "on_trial_end": observer.on_end}
    if FLAGS.workers == 0:
        print(f"waiting for workers at {at}", flush=True)
        parallel.serve(observer.tuner.oracle, settings(), at, **told)
        return
    own = {"role", "workers", "address", "resume", "overwrite", "flagfile"}
    given = [FLAGS[name].serialize() for name in FLAGS if FLAGS[name].present and name not in own]
    tune = str(pathlib.Path(__file__).with_name("tune.py"))
    command = [sys.executable, tune, *given, "--role=worker", "--resume", f"--address={at}"]
    gpus = len(tf.config.list_physical_devices("GPU"))
    with parallel.Workers(command, FLAGS.workers, at, workdir / "workers", gpus) as workers:
        print(f"{FLAGS.workers} workers start; what they say lies in {workdir / 'workers'}", flush=True)
        parallel.serve(observer.tuner.oracle, settings(), at, check=workers.check, **told)
