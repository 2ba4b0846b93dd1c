"""How much a short training tells of a whole one: rank correlations over random pairs of a search space.

Each pair is trained in full, and for shares of a training with a schedule of its own that ends at 0 (a horizon of
AutoHAS). All begin with the same weights and see the same minibatches.
"""

import numpy as np
from scipy import stats

from keras_hparam.autohas import encodings
from keras_hparam.autohas.auto_has import AutoHAS
from keras_hparam.autohas.batches import Examples
from keras_hparam.autohas.searcher import Searcher

SHARES = (1 / 12, 1 / 6, 1 / 4)


def measure(task, pairs=32):
    """Dict: the rank correlation of the validation loss after each share with that after a whole training.

    A training that diverged ranks last.

    Args:
        task: `autohas_runs.Task`.
        pairs: int.
    """
    settings = AutoHAS(task.build).settings
    searcher = Searcher(
        AutoHAS(task.build)._supernet(), Examples("train", task.data.train, task.batch_size, 0),
        Examples("validation", task.data.validation, task.batch_size, 1), task.epochs, settings,
    )  # fmt: skip
    samples = encodings.sample(np.random.default_rng(0), np.zeros(searcher.supernet.size), searcher.sizes, pairs)
    held_out = searcher.validation.stack(0, len(searcher.validation))
    losses = {}
    for share in (*SHARES, 1.0):
        steps = max(1, round(share * searcher.steps / settings.chunk)) * settings.chunk
        found = [
            searcher.trials.run(searcher.initial, sample[None], searcher.batches, held_out, 0, steps, True)[0][0]
            for sample in samples
        ]
        losses[share] = np.where(np.isfinite(found), found, np.inf)
    return {
        f"rank correlation after 1/{round(1 / share)} of a training": float(
            stats.spearmanr(losses[share], losses[1.0])[0]
        )
        for share in SHARES
    }
