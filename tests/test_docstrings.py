"""Every public symbol is documented; the facades export what they say."""

import ast
import importlib
import inspect
import pathlib

import pytest

import keras_hparam

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
KINDS = {"oracles", "tuners", "layers", "schedules", "optimizers", "callbacks", "objectives", "metrics"}
FACADES = sorted(set(keras_hparam.__all__) & KINDS)


def undocumented(source, module):
    """The public modules, functions, classes and methods without a docstring.

    A method of a class with a base may override a documented one, so only those of classes without bases count.
    """
    tree = ast.parse(source)
    missing = [module] if tree.body and not ast.get_docstring(tree) else []
    for node in _public(tree):
        missing += _missing(node, f"{module}.{node.name}")
        if isinstance(node, ast.ClassDef) and not node.bases:
            for method in _public(node):
                missing += _missing(method, f"{module}.{node.name}.{method.name}")
    return missing


def _public(tree):
    return [node for node in tree.body if isinstance(node, DEFINITIONS) and not node.name.startswith("_")]


def _missing(node, name):
    return [] if ast.get_docstring(node) else [name]


@pytest.mark.parametrize(
    "source, missing",
    [
        ("", []),
        ("x = 1", ["m"]),
        ('"""Doc."""\ndef f(): pass\ndef _g(): pass', ["m.f"]),
        ('"""Doc."""\nclass C:\n    def f(self): pass', ["m.C", "m.C.f"]),
        ('"""Doc."""\nclass C(Base):\n    "Doc."\n    def f(self): pass', []),
        ('"""Doc."""\nclass C:\n    "Doc."\n    def __init__(self): pass\n    def _f(self): pass', []),
    ],
)
def test_finds_what_is_undocumented(source, missing):
    assert undocumented(source, "m") == missing


def test_every_public_symbol_is_documented():
    paths = sorted((ROOT / "keras_hparam").rglob("*.py"))
    assert paths
    assert [name for path in paths for name in undocumented(path.read_text(), str(path.relative_to(ROOT)))] == []


def test_every_program_says_what_it_does():
    paths = sorted((ROOT / "tools").glob("*.py"))
    assert paths
    assert [path.name for path in paths if not ast.get_docstring(ast.parse(path.read_text()))] == []


@pytest.mark.parametrize("facade", FACADES)
def test_a_facade_exports_documented_classes(facade):
    module = importlib.import_module(f"keras_hparam.{facade}")
    assert getattr(keras_hparam, facade) is module and module.__all__ == sorted(module.__all__)
    public = {name for name, value in vars(module).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(module.__all__)
    for name in module.__all__:
        documentation = inspect.getdoc(getattr(module, name))
        for section in ("Args:", "Raises:", "Example:"):
            assert section in documentation, f"{facade}.{name} lacks {section}"


def test_errors_are_what_their_users_catch():
    from keras_hparam import errors

    assert issubclass(errors.InvalidArgumentError, ValueError) and issubclass(errors.CorruptFileError, ValueError)
    assert issubclass(errors.UnavailableError, RuntimeError)
