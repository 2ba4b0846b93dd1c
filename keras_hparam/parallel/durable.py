"""What KerasTuner's own Oracles lack to outlive a kill of their process.

They write their files in place, count a trial whose file was written before the Oracle's own, and on reload run trials
again that had just ended. Oracles of this package need none of this.
"""

import json
import types

from keras_hparam import atomic, errors


def make_durable(oracle):
    """Files of a search that a kill at any moment leaves whole, and a reloaded state in which each trial counts once.

    Args:
        oracle: `keras_tuner.Oracle` in its project directory, new or reloaded; it is changed.

    Raises:
        InvalidArgumentError: for a directory that is no path of a file system.
    """
    if "://" in oracle._project_dir:
        raise errors.InvalidArgumentError(
            f"Expected `directory` on a file system that chief and workers see. Received: {oracle._project_dir!r}."
        )
    oracle.trials = {trial_id: oracle.trials[trial_id] for trial_id in oracle.start_order}
    oracle._retry_queue = [t for t in oracle._retry_queue if t in oracle.trials and t not in oracle.end_order]
    if not hasattr(oracle, "_replace"):
        oracle.save = types.MethodType(_save, oracle)
        oracle._save_trial = types.MethodType(_save_trial, oracle)


def _save(oracle):
    atomic.write_bytes(oracle._get_oracle_fname(), json.dumps(oracle.get_state()).encode())


def _save_trial(oracle, trial):
    path = f"{oracle._get_trial_dir(trial.trial_id)}/trial.json"
    atomic.write_bytes(path, json.dumps(trial.get_state()).encode())
