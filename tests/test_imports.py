"""Who may import whom: every import in the package, also one inside a function, obeys the rules of the house."""

import ast
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = "keras_hparam"
FACADES = {"oracles", "tuners", "layers", "schedules", "optimizers", "callbacks", "objectives", "metrics"}
SYSTEMS = {"optformer", "ensembles", "autohas", "learned_schedules", "learned_optimizers"}
LIBRARIES = {"networks", "tasks", "distribute", "checkpoints", "reports", "costs"}
FLOORS = (
    {"errors", "atomic", "lazy"}, {"configuration", "spaces", "ops"}, LIBRARIES, {"parallel"}, SYSTEMS, {"testing"},
)  # fmt: skip
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
HOSTED = ("oracle", "tuner", "objective")  # names of modules that may import keras_tuner
FORBIDDEN = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "argparse", "tools", "tests", "benchmarks"}


def imports(source, module):
    """The dotted names that the source imports; of `from a import b` both `a` and `a.b`, since b may be a module."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def violations(source, module):
    """What is wrong with the imports of the module (a dotted name, such as keras_hparam.optformer.oracle)."""
    room, leaf = module.split(".")[1], module.split(".")[-1]
    found = []
    for name in sorted(imports(source, module)):
        parts = name.split(".")
        if parts[0] in FORBIDDEN or name.startswith("absl.flags") or name.startswith("absl.app"):
            found.append(f"{module} imports {name}, which nothing in the package may")
        if parts[0] == "keras_tuner" and room not in ("spaces", "parallel") and not leaf.endswith(HOSTED):
            found.append(f"{module} imports keras_tuner, which it may not")
        if parts[0] == PACKAGE and len(parts) > 1:
            found += [f"{module} imports {name}: {reason}" for reason in _against_the_floors(module, room, parts)]
    return found


def _against_the_floors(module, room, parts):
    target = parts[1]
    if target in FACADES:
        yield "nothing inside imports a facade"
    elif room not in FACADES | {"__init__"} and target != room and target in FLOOR and FLOOR[target] >= FLOOR[room]:
        yield "rooms import from lower floors only"
    for trainer in ("learned_optimizers.meta", "learned_schedules.training"):
        if ".".join(parts[1:3]) == trainer and not module.startswith(f"{PACKAGE}.{trainer}"):
            yield "using what was learned never loads its trainer"


def package_modules():
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        names = path.relative_to(ROOT).with_suffix("").parts
        # The name of a package keeps its __init__, so that relative imports count from the right place.
        yield ".".join(names), path.read_text()


@pytest.mark.parametrize(
    "module, source",
    [
        ("networks.mlp", "import keras_hparam.optformer"),
        ("networks.mlp", "from keras_hparam import optformer"),
        ("networks.mlp", "from keras_hparam.optformer.study import Study"),
        ("networks.mlp", "from ..optformer import study"),
        ("networks.mlp", "def f():\n    from keras_hparam.checkpoints import shipped"),
        ("networks.mlp", "import keras_tuner as kt"),
        ("costs.callback", "import keras_tuner as kt"),
        ("ops.__init__", "from ..spaces import SearchSpace"),
        ("errors", "from keras_hparam import ops"),
        ("optformer.study", "from keras_hparam.autohas import search"),
        ("optformer.study", "from keras_tuner.engine import oracle"),
        ("optformer.oracle", "from keras_hparam import oracles"),
        ("optformer.oracle", "from keras_hparam.tuners import OptFormer"),
        ("optformer.oracle", "from keras_hparam import testing"),
        ("checkpoints.npz", "import pickle"),
        ("checkpoints.npz", "if True:\n    from absl import flags"),
        ("optformer.training", "import tools.tune"),
        ("learned_optimizers.optimizer", "from keras_hparam.learned_optimizers import meta"),
        ("optimizers", "from keras_hparam.learned_optimizers.meta import tasks"),
        ("learned_schedules.callback", "from keras_hparam.learned_schedules.training import trainer"),
    ],
)
def test_the_rules_find_what_is_wrong(module, source):
    assert len(violations(source, f"{PACKAGE}.{module}")) >= 1


@pytest.mark.parametrize(
    "module, source",
    [
        ("optformer.oracle", "import keras_tuner as kt\nfrom keras_hparam import errors, networks, spaces"),
        ("optformer.oracle", "from . import study\nfrom absl import logging"),
        ("spaces.space", "import keras_tuner"),
        ("costs.objective", "import keras_tuner as kt\nfrom keras_hparam.costs import callback"),
        ("oracles", "from keras_hparam.optformer.oracle import OptFormerOracle"),
        ("learned_optimizers.meta.trainer", "from keras_hparam.learned_optimizers.meta import tasks"),
        ("testing.conformance", "from keras_hparam import optformer"),
        ("checkpoints.manifest", "import json\nfrom keras_hparam.checkpoints import npz"),
    ],
)
def test_the_rules_allow_what_is_right(module, source):
    assert violations(source, f"{PACKAGE}.{module}") == []


def test_the_package_obeys():
    modules = dict(package_modules())
    assert f"{PACKAGE}.checkpoints.manager" in modules
    assert [found for module, source in modules.items() for found in violations(source, module)] == []


def test_every_room_has_a_floor():
    rooms = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert "checkpoints" in rooms and rooms - set(FLOOR) <= {"pretrained"}


def test_nothing_allows_pickles():
    for module, source in package_modules():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, module


def loaded_by(statement):
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_is_cheap():
    heavy = {"tensorflow", "keras", "keras_tuner", "numpy", "sentencepiece", "tensorflow_probability"}
    assert not heavy & loaded_by("import keras_hparam as kh; kh.__version__; dir(kh); kh.errors.CorruptFileError")


def test_checkpoints_need_neither_tensorflow_nor_keras():
    loaded = loaded_by("import keras_hparam as kh; kh.checkpoints.shipped()")
    assert "numpy" in loaded and not {"tensorflow", "keras", "keras_tuner"} & loaded


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import keras_hparam

    with pytest.raises(AttributeError, match="Received: 'oracels'"):
        _ = keras_hparam.oracels
    assert set(keras_hparam.__all__) <= set(dir(keras_hparam))
