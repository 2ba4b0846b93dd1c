"""Problems of real trainings: the network is replaced by a closed form, the archives are made here."""

import json
import sys
import types
import zipfile

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.corpus import generate_study, yahpo, yahpo_problems
from keras_hparam.optformer.corpus.problems import RecordedProblem

RANGES = {
    "yahpo_lcbench.zip": (
        {"epoch": (1, 52, "int", False), "batch_size": (16, 512, "int", True),
         "learning_rate": (1e-4, 0.1, "float", True), "max_dropout": (0.0, 1.0, "float", False)},
        {}, 30,
    ),
    "yahpo_rbv2_rpart.zip": (
        {"cp": (1e-3, 1.0, "float", True), "maxdepth": (1, 30, "int", False), "trainsize": (0.03, 1.0, "float", False)},
        {"impute": ("mean", "median")}, 95,
    ),
    "yahpo_iaml_glmnet.zip": ({"s": (1e-4, 1e3, "float", True), "trainsize": (0.03, 1.0, "float", False)}, {}, 4),
}  # fmt: skip


class Session:
    """y_j = log of the sum of the inputs' magnitudes plus j."""

    def __init__(self, model, options, providers):
        self.num_outputs = int(model)

    def run(self, names, inputs):
        total = np.abs(inputs["x_cont"]).sum(axis=1) + inputs["x_cat"].sum(axis=1)
        return [np.log1p(total)[:, None] + np.arange(self.num_outputs)[None, :]]


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    runtime = types.SimpleNamespace(InferenceSession=Session, SessionOptions=types.SimpleNamespace)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    for collection in yahpo.COLLECTIONS:
        numeric, categorical, num_tasks = RANGES[collection.archive]
        tasks = {"#na#": 0} | {str(100 + index): 1 + index for index in range(num_tasks)}
        encoding = {collection.instance: tasks} | {
            name: {value: 1 + index for index, value in enumerate(values)} for name, values in categorical.items()
        }
        rows = [
            {"name": name, "type": f"uniform_{kind}", "lower": low, "upper": high, "log": log}
            for name, (low, high, kind, log) in numeric.items()
        ]
        rows += [{"name": n, "type": "categorical", "choices": list(v)} for n, v in categorical.items()]
        names = {"cont_names": list(numeric), "cat_names": [collection.instance, *categorical]}
        spec = {**names, "y_names": list(collection.outputs)}
        with zipfile.ZipFile(tmp_path / collection.archive, "w") as archive:
            archive.writestr("model.onnx", str(len(collection.outputs)))
            archive.writestr("spec.json", json.dumps(spec))
            archive.writestr("encoding.json", json.dumps(encoding))
            archive.writestr("config_space.json", json.dumps({"hyperparameters": rows}))
    return tmp_path


def test_the_last_tasks_are_kept_for_evaluation(data_dir):
    found = [yahpo.Surrogate(data_dir, collection).training_tasks for collection in yahpo.COLLECTIONS]
    assert [len(tasks) for tasks in found] == [24, 90, 4]
    assert found[0] == [str(100 + index) for index in range(24)]


def test_an_objective_is_the_network_at_the_values_of_the_tokens(data_dir):
    problems = yahpo_problems.SurrogateProblems(data_dir)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        problem, metadata = problems(rng)
        tokens = problem.space.random_tokens(rng, 6)
        latent = problem.latent(tokens)
        objective = problem.latent
        sign = 1.0 if problem.goal == "max" else -1.0
        index = objective._surrogate._outputs.index(objective._output)
        inputs = list(objective._tables)
        for row, received in zip(tokens, latent, strict=True):
            values = dict(objective._fixed)
            for name, parameter, token in zip(inputs, problem.space.parameters, row, strict=True):
                value = parameter.from_token(int(token), 1000)
                values[name] = objective._surrogate.encoding[name][value] if parameter.is_categorical else value
            np.testing.assert_allclose(sign * received, np.log1p(sum(values.values())) + index, rtol=1e-5)


def test_problems_vary_and_depend_on_their_generator_alone(data_dir):
    problems = yahpo_problems.SurrogateProblems(data_dir)
    spaces = [problems(np.random.default_rng(seed), max_parameters=2)[0].space for seed in range(30)]
    assert len({space.parameters for space in spaces}) > 15
    assert {len(space.parameters) for space in spaces} == {1, 2}
    again = problems(np.random.default_rng(7), max_parameters=2)[0].space
    assert again == spaces[7]


def test_studies_of_real_trainings(data_dir):
    real = yahpo_problems.SurrogateProblems(data_dir)
    metrics = {name for collection in yahpo.COLLECTIONS for name, _ in collection.outputs.values()}
    studies = [generate_study(0, index, max_trials=8, real=real) for index in range(60)]
    count = sum(study.metadata.metric in metrics and study.space.parameters[0].name != "" for study in studies)
    assert count >= 10
    same = generate_study(0, 11, max_trials=8, real=real)
    np.testing.assert_array_equal(same.objectives, studies[11].objectives)


def test_noise_is_added_to_some_recorded_problems_only():
    space = generate_study(0, 0).space
    problems = [
        RecordedProblem(np.random.default_rng(seed), space, lambda tokens: tokens.sum(axis=1) / 100.0, "min")
        for seed in range(200)
    ]
    rng = np.random.default_rng(0)
    tokens = space.random_tokens(rng, 5)
    noisy = [not np.array_equal(p.observe(rng, tokens), p.noiseless(tokens)) for p in problems]
    assert 0.25 < np.mean(noisy) < 0.45
    np.testing.assert_allclose(problems[0].noiseless(tokens), -tokens.sum(axis=1) / 100.0)


def test_missing_and_damaged_archives(data_dir, monkeypatch):
    collection = yahpo.COLLECTIONS[0]
    path = data_dir / collection.archive
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(errors.CorruptFileError, match="YAHPO"):
        yahpo.Surrogate(data_dir, collection)
    path.unlink()
    with pytest.raises(errors.UnavailableError, match="data_dir"):
        yahpo.Surrogate(data_dir, collection)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(errors.UnavailableError, match="onnxruntime"):
        yahpo.Surrogate(data_dir, yahpo.COLLECTIONS[1])
