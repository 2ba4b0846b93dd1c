"""TensorBoard's HParams tab: one session group per trial, with its values, its status and its objective.

The folder of the experiment holds the event file with the description of the parameters, and one folder per trial.
"""

import pathlib
import time

from keras_hparam import errors


def write_hparams(directory, records, scales, metric):
    """Writes the trials for TensorBoard's HParams tab (`tensorboard --logdir <directory>`).

    Args:
        directory: a folder that is absent or empty.
        records: T `TrialRecord`s; failed ones are sessions that failed and have no metric.
        scales: D `ParameterScale`s, the experiment's columns.
        metric: str, the objective's name.

    Raises:
        InvalidArgumentError: if the folder holds anything.
        OSError: if it cannot be written.
    """
    directory = pathlib.Path(directory)
    if directory.exists() and any(directory.iterdir()):
        raise errors.InvalidArgumentError(f"Expected `directory` to be absent or empty. Received: {str(directory)!r}.")
    _write_events(directory, [(0, _experiment(scales, metric))])
    width = len(str(max((record.number for record in records), default=1)))
    start = time.time() - sum(record.seconds or 0.0 for record in records)
    for record in records:  # a record knows how long its trial took, not when: drawn one after the other, up to now
        _write_events(directory / f"trial_{record.number:0{width}d}", _session(record, metric, start))
        start += record.seconds or 0.0


def _experiment(scales, metric):
    """Summary proto with the experiment's parameters and its metric."""
    from tensorboard.plugins.hparams import api  # loads TensorFlow

    columns = [api.HParam(scale.name, _domain(scale, api)) for scale in scales]
    return api.hparams_config_pb(hparams=columns, metrics=[api.Metric(metric)])


def _domain(scale, api):
    """The TensorBoard domain of a parameter; None where it has no range or its choices are of several types."""
    if scale.choices:
        return api.Discrete(scale.choices) if len({type(choice) for choice in scale.choices}) == 1 else None
    if scale.low is None or scale.high is None:
        return None
    if isinstance(scale.low, int) and isinstance(scale.high, int):
        return api.IntInterval(scale.low, scale.high)
    return api.RealInterval(float(scale.low), float(scale.high))


def _session(record, metric, start):
    """(step, summary proto) pairs of one trial: its values, its objective at the step of its number, its end."""
    from tensorboard.plugins.hparams import api, api_pb2, summary
    from tensorboard.plugins.scalar import summary_v2

    status = {
        "completed": api_pb2.Status.Value("STATUS_SUCCESS"),
        "failed": api_pb2.Status.Value("STATUS_FAILURE"),
    }.get(record.status)
    events = [(0, api.hparams_pb(record.values, trial_id=f"trial {record.number}", start_time_secs=start))]
    if record.objective is not None:
        events.append((record.number, summary_v2.scalar_pb(metric, record.objective)))
    if record.status != "pending":
        events.append((0, summary.session_end_pb(status, end_time_secs=start + (record.seconds or 0.0))))
    return events


def _write_events(directory, events):
    """Writes (step, summary proto) pairs as one event file in the folder."""
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(directory))
    for step, proto in events:
        own = summary_pb2.Summary.FromString(
            proto.SerializeToString()
        )  # some are TensorFlow's class, not TensorBoard's
        writer.add_event(event_pb2.Event(summary=own, step=step, wall_time=time.time()))
    writer.close()
