"""The course of one training: its checkpoints, the facts that tell it from others, the right to write."""

from keras_hparam import errors
from keras_hparam.checkpoints.exclusive import Exclusive
from keras_hparam.checkpoints.manager import CheckpointManager


class Course:
    """The checkpoints of one training in a directory of their own, which one process at a time may write.

    Inside of a `with` block the directory is held: a second training that is started on it is refused, by an
    `InUseError`, before anything is changed. It is free again at the end of the block, and of the process.

    Args:
        directory: path; None for a training that leaves nothing.
        kind: str, what the checkpoints are of.
        is_writer: bool, whether this process writes; of several workers one does, and all of them read.
        facts: callable without arguments that gives a dict of JSON values, by which checkpoints of another training
            are known; None if the caller compares them.
        name: str, the argument that gave the directory, for messages.

    Example:

    ```python
    with Course("workdir/checkpoints", "a training", facts=lambda: {"seed": 0}) as course:
        found = course.restore()
        for step in range(found.step if found else 0, steps):
            train()
            if is_due(step + 1, 100, steps):
                course.save(step + 1, arrays)
    ```
    """

    def __init__(self, directory, kind, is_writer=True, facts=None, name="workdir"):
        self.manager = None if directory is None else CheckpointManager(directory, kind=kind)
        self.writes = bool(self.manager is not None and is_writer)
        self._facts, self._name, self._held = facts, name, None

    def save(self, step, arrays, state=None):
        """Saves a checkpoint, if there is a directory and this process is the one to write.

        Args:
            step: int >= 0.
            arrays: dict from name to numeric array.
            state: dict of plain JSON values; the facts are saved besides.
        """
        if self.writes:
            facts = {} if self._facts is None else {"facts": self._facts()}
            self.manager.save(step, arrays, facts | (state or {}))

    def restore(self):
        """The newest `Checkpoint` that is whole, or None where there is none.

        Raises:
            InvalidArgumentError: if it is of another training.
            CorruptFileError: if there are checkpoints, but none that can be restored.
        """
        found = None if self.manager is None else self.manager.restore()
        if found is not None and self._facts is not None:
            before = found.state.get("facts")
            if not isinstance(before, dict):
                raise errors.CorruptFileError(
                    f"Expected checkpoints in {self.manager.directory} that say of which training they are. "
                    f"Received: {before!r}."
                )
            check_facts(before, self._facts(), self.manager.directory.parent, self._name)
        return found

    def __enter__(self):
        if self.writes:
            self._held = Exclusive(self.manager.directory, self._name)
        return self

    def __exit__(self, *_):
        if self._held is not None:
            self._held.release()
            self._held = None


def is_due(step, every, last):
    """Whether something that happens every so many steps, and after the last one, happens after this step.

    Args:
        step: int, steps made so far.
        every: int; 0 for never.
        last: int, the last step.
    """
    return every > 0 and (step % every == 0 or step == last)


def check_facts(before, now, workdir, name="workdir"):
    """Refuses to go on with a checkpoint of another training.

    Args:
        before: dict of JSON values that the checkpoint tells of its training.
        now: dict of those that it has to tell.
        workdir: path, for the message.
        name: str, the argument that gave it, for the message.

    Raises:
        InvalidArgumentError: naming what differs.
    """
    different = [fact for fact in now if before.get(fact) != now[fact]]
    if different:
        expected, received = ({fact: facts.get(fact) for fact in different} for facts in (now, before))
        raise errors.InvalidArgumentError(
            f"Expected the `{name}` {workdir} to hold checkpoints of this training, of {expected}. "
            f"Received: {received}."
        )
