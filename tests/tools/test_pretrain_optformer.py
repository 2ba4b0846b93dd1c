"""The program that pre-trains: what it leaves, strategies that cannot be given."""

from benchmarks import trainers
from benchmarks.training_programs import finish
from keras_hparam import checkpoints

PROGRAM = trainers.TABLE["pre-training"].program


def test_a_training_leaves_weights_and_their_figures(tmp_path):
    code, said, problems = finish(PROGRAM.start(tmp_path, "--steps=3", "--evaluate_every=3", "--checkpoint_every=2"))
    assert code == 0 and "step 3/3" in said, problems
    figures = checkpoints.load_weights(tmp_path / "weights", kind="optformer").manifest["training"]["figures"]
    assert figures["step"] == 3 and {"objective", "values", "held_out_nll", "coverage_90"} < set(figures)
    assert PROGRAM.manager(tmp_path).steps() == [2, 3]


def test_a_strategy_that_cannot_be_given_is_an_error_before_any_work(tmp_path, monkeypatch):
    for name in ("TF_CONFIG", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)
    wrong = {
        "--strategy=multi_worker": "Expected the environment variable TF_CONFIG",
        "--strategy=tpu": "Expected a TPU at",
        "--logical_cpus=2": "--logical_cpus needs --strategy=mirrored",
    }
    for (given, message), said in zip(wrong.items(), PROGRAM.complaints(tmp_path / "w", list(wrong)), strict=True):
        assert message in said, given
    assert list(tmp_path.iterdir()) == []
