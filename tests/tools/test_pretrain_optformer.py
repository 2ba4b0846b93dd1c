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


def test_a_strategy_that_cannot_be_given_is_an_error_before_any_work(tmp_path):
    environment = {name: "" for name in ("TF_CONFIG", "TPU_NAME")}
    running = [
        PROGRAM.start(tmp_path / "a", "--strategy=multi_worker", **environment),
        PROGRAM.start(tmp_path / "b", "--strategy=tpu", "--tpu=grpc://127.0.0.1:1", **environment),
        PROGRAM.start(tmp_path / "c", "--strategy=multi_worker", TF_CONFIG='{"task": {"type": "worker", "index": 0}}'),
        PROGRAM.start(tmp_path / "d", "--logical_cpus=2", **environment),
    ]
    said = ["UnavailableError: Expected the environment variable TF_CONFIG", "UnavailableError: Expected a TPU at",
            "InvalidArgumentError: Expected TF_CONFIG such as", "--logical_cpus needs --strategy=mirrored"]  # fmt: skip
    for process, expected in zip(running, said, strict=True):
        code, out, err = finish(process)
        assert code == 1 and expected in err and out == ""
    assert list(tmp_path.iterdir()) == []
