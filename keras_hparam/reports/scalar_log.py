"""Scalars of a training for TensorBoard, written without TensorFlow."""

import logging
import time


class ScalarLog:
    """Writes scalars to an event file in a folder; where TensorBoard is not installed, warns once and writes nothing.

    Args:
        directory: the folder, which is made.

    Example:

    ```python
    with ScalarLog("workdir/tensorboard") as log:
        log.write(100, {"objective": 4.2})
    ```
    """

    def __init__(self, directory):
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            logging.getLogger(__name__).warning("No TensorBoard logs: %s.", error)
            self._writer = None
        else:
            self._event, self._summary = event_pb2.Event, summary_pb2.Summary
            self._writer = EventFileWriter(str(directory))

    def write(self, step, values):
        """Appends values (dict from name to float) of a step."""
        if self._writer is not None:
            summary = self._summary(value=[self._summary.Value(tag=k, simple_value=v) for k, v in values.items()])
            self._writer.add_event(self._event(summary=summary, step=step, wall_time=time.time()))
            self._writer.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._writer is not None:
            self._writer.close()
