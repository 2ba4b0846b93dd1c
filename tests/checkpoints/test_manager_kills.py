"""A training program that is killed while it saves loses nothing but that save."""

import subprocess
import sys
import textwrap

import numpy as np

from keras_hparam.checkpoints import CheckpointManager

# Saves step 3 over steps 1 and 2 (keep=2), killed at the n-th use of the file system; then again, over step 3 itself.
KILLED_TRAININGS = textwrap.dedent(
    """
    import os, pathlib, sys
    import numpy as np
    from keras_hparam.checkpoints import CheckpointManager

    def save(directory, step, value):
        CheckpointManager(directory).save(step, {"a": np.full(3, value)}, {"value": value})

    def kill_at(point):
        seen = 0
        def hook(event, _):
            nonlocal seen
            seen += event.startswith(("open", "os.", "shutil."))
            if seen > point:
                os._exit(9)
        sys.addaudithook(hook)

    for point in range(200):
        directory = pathlib.Path(sys.argv[1]) / f"{point:03d}"
        for step in (1, 2):
            save(directory, step, step)
        child = os.fork()
        if child == 0:
            kill_at(point)
            save(directory, 3, 3)
            save(directory, 3, 4)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
    """
)


def test_a_kill_at_any_point_loses_nothing_but_the_save_in_hand(tmp_path, caplog):
    subprocess.run([sys.executable, "-c", KILLED_TRAININGS, str(tmp_path)], check=True)
    values = []
    for directory in sorted(tmp_path.iterdir()):
        restored = CheckpointManager(directory).restore()
        np.testing.assert_array_equal(restored.arrays["a"], np.full(3, restored.state["value"]))
        values.append(restored.state["value"])
        CheckpointManager(directory).save(9, {}, {})
        assert not [path for path in directory.iterdir() if path.name.endswith(".partial")]
    assert values == sorted(values) and set(values) == {2, 3, 4} and len(values) < 200
    assert caplog.text == ""
