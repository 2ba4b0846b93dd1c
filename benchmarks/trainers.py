"""The table of trainers: a call of each program that trains, of seconds, whose batches two replicas cannot halve.

A new program joins by a row here; `tests/conformance/test_trainers.py` and `benchmarks.resilience` run them all.
Checkpoints have to follow each other quickly, so that a program can be stopped between two of them, and sums must not
depend on the number of replicas: no dropout.
"""

import dataclasses

from benchmarks.training_programs import Program


@dataclasses.dataclass(frozen=True)
class Row:
    """A program in the table.

    Attributes:
        program: `Program`.
        results: files and directories that it leaves at its end, relative to the workdir; the first one comes last.
        rtol, atol: how far numbers may be that were summed in another order, relative and absolute.
    """

    program: Program
    results: tuple[str, ...]
    rtol: float = 1e-3
    atol: float = 1e-4


OPTFORMER = [
    "--steps=16", "--width=16", "--layers=1", "--heads=2", "--trials_per_batch=48", "--max_parameters=4",
    "--warmup_steps=1", "--tokenizer_studies=100", "--vocabulary_size=330", "--checkpoint_every=1",
    "--evaluate_every=16", "--learning_rate=1e-3",
]  # fmt: skip
ENSEMBLE = [
    "--method=batch", "--train_size=250", "--validation_size=64", "--batch_size=49", "--ensemble_size=2",
    "--dropout=0", "--epochs=16",
]  # fmt: skip
META = [
    "--tasks=quadratics", "--pairs=3", "--meta_steps=60", "--lengths=3,6", "--batch_size=2", "--validate_every=20",
    "--validation_batch_size=2", "--checkpoint_every=1", '--optimizer_config={"widths": [2], "features": ["gradient"]}',
]  # fmt: skip
SCHEDULE = [
    "--tasks=regression", "--updates=24", "--decisions=2", "--copies=3", "--trainees=2", "--steps=1,2", "--epochs=1",
    "--minibatches=1", "--validate_every=6", "--validation_trainees=2", "--validation_rates=1", "--checkpoint_every=1",
    '--controller_config={"widths": [4], "features": ["rate", "training_loss"]}',
]  # fmt: skip
AUTOHAS = [
    "--data=digits", "--train_size=128", "--validation_size=64", "--batch_size=16", "--epochs=5", "--rounds=6",
    "--samples=3", "--horizon=0.25",
]  # fmt: skip

WEIGHTS = ("weights", "curve.json")

TABLE = {
    "pre-training": Row(Program("pretrain_optformer", OPTFORMER, "optformer-training"), ("weights",)),
    "ensemble": Row(Program("train_ensemble", ENSEMBLE, "ensemble-training"), ("model.keras", "scores.json")),
    "meta-training": Row(Program("meta_train_optimizer", META, "meta-training"), WEIGHTS),
    "schedule controller": Row(Program("train_schedule_controller", SCHEDULE, "controller-training"), WEIGHTS),
    "AutoHAS": Row(Program("search_autohas", AUTOHAS, "autohas search"), ("result.json", "model.keras")),
}
