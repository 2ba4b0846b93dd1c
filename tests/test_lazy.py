"""Names of a package that are imported when they are first used."""

import importlib
import sys

import pytest

from keras_hparam import lazy

FILES = {
    "__init__.py": """
from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "Rule": ".rules", "limit": ".inner.limits", "extra": None, "absent": ".rules", "lost": None,
})
version = "1"
""",
    "rules.py": "class Rule:\n    pass\n",
    "inner/__init__.py": "",
    "inner/limits.py": "limit = 7\n",
    "extra.py": "value = 3\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """A package that no other test has imported."""
    name = f"lazy_package_of_{request.node.name}"
    for path, source in FILES.items():
        (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / path).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    for module in loaded(name):
        del sys.modules[module]


def loaded(name):
    return {module for module in sys.modules if module == name or module.startswith(f"{name}.")}


def test_names_come_from_their_modules(package):
    name = package.__name__
    assert package.Rule is sys.modules[f"{name}.rules"].Rule and package.Rule is package.Rule
    assert package.limit == 7 and package.extra is sys.modules[f"{name}.extra"] and package.extra.value == 3
    scope = {}
    exec(f"from {name} import Rule, extra", scope)
    assert scope["Rule"] is package.Rule and scope["extra"] is package.extra


def test_nothing_is_imported_before_its_use(package):
    name = package.__name__
    dir(package)
    assert not hasattr(package, "unknown") and loaded(name) == {name}
    assert package.Rule and loaded(name) == {name, f"{name}.rules"}
    assert package.extra and loaded(name) == {name, f"{name}.rules", f"{name}.extra"}


def test_unknown_names_are_attribute_errors_that_name_the_known_ones(package):
    message = f"\\['Rule', 'absent', 'extra', 'limit', 'lost'\\] of the module '{package.__name__}'. Received: 'Rules'"
    with pytest.raises(AttributeError, match=message):
        _ = package.Rules
    with pytest.raises(ImportError, match="Rules"):
        exec(f"from {package.__name__} import Rules")
    assert getattr(package, "Rules", 5) == 5


def test_names_that_their_modules_lack_are_errors_too(package):
    with pytest.raises(AttributeError, match="absent"):
        _ = package.absent
    with pytest.raises(ModuleNotFoundError, match="lost"):
        _ = package.lost


def test_all_names_are_listed(package):
    known = {"Rule", "absent", "extra", "limit", "lost"}
    assert package.__all__ == sorted(known)
    listed = dir(package)
    assert listed == sorted(listed) and known | {"version", "__name__", "__all__"} <= set(listed)
    assert package.extra and set(dir(package)) == set(listed)  # a used module is an attribute as well


def test_attach_gives_functions_and_names():
    get, listed, names = lazy.attach("keras_hparam", {"errors": None, "InvalidArgumentError": ".errors"})
    from keras_hparam import errors

    assert get("errors") is errors and get("InvalidArgumentError") is errors.InvalidArgumentError
    assert names == ["InvalidArgumentError", "errors"] and set(names) <= set(listed())
