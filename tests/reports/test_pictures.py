"""The pictures show the numbers of the records."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.reports import (
    ParameterScale,
    TrialRecord,
    convergence_figure,
    parameters_figure,
    pictures,
    save_figure,
    scatter,
)


def _trial(number, objective, **values):
    return TrialRecord(number, "failed" if objective is None else "completed", objective, values)


RECORDS = [
    _trial(1, 0.90, rate=1e-3, kind="a"),
    _trial(2, None, rate=1e-2, kind="b"),
    _trial(3, 0.95, rate=1e-1, kind="a", inner=3),
    _trial(4, 0.92, rate=3e-2, kind="b", inner=1),
    TrialRecord(5, "pending", None, {"rate": 1e-4}),
]
SCALES = [
    ParameterScale("rate", "log", 1e-4, 1.0),
    ParameterScale("kind", "categorical", choices=("b", "a", "c")),
    ParameterScale("inner", "linear", 1, 3),
]


def _points(axes, label):
    """Offsets [P, 2] of the scatter with a label."""
    return np.concatenate([c.get_offsets() for c in axes.collections if c.get_label() == label])


@pytest.mark.parametrize("goal, curve", [("max", [0.90, 0.90, 0.95, 0.95]), ("min", [0.90] * 4)])
def test_convergence_shows_every_trial_and_the_best_so_far(goal, curve):
    axes = convergence_figure(RECORDS[::-1], goal, "accuracy").axes[0]
    np.testing.assert_allclose(_points(axes, "trial"), [[1, 0.90], [3, 0.95], [4, 0.92]])
    np.testing.assert_allclose(axes.lines[0].get_xydata(), np.stack([[1, 2, 3, 4], curve], axis=1))
    np.testing.assert_allclose(_points(axes, "failed")[:, 0], [2])
    best = [3, 0.95] if goal == "max" else [1, 0.90]
    np.testing.assert_allclose(_points(axes, f"best: {best[1]:.5g} (trial {best[0]})"), [best])
    assert "accuracy" in axes.get_ylabel() and {"max": "higher", "min": "lower"}[goal] in axes.get_ylabel()


def test_panels_show_active_trials_on_their_scale():
    figure = parameters_figure(RECORDS, SCALES, "max", "accuracy")
    rate, kind, inner = figure.axes[:3]
    assert [axes.get_xlabel() for axes in (rate, kind, inner)] == ["rate", "kind", "inner"]
    assert (rate.get_xscale(), inner.get_xscale()) == ("log", "linear")
    np.testing.assert_allclose(rate.collections[0].get_offsets(), [[1e-3, 0.90], [1e-1, 0.95], [3e-2, 0.92]])
    np.testing.assert_allclose(rate.collections[0].get_array(), [1, 3, 4])
    np.testing.assert_allclose(inner.collections[0].get_offsets(), [[3, 0.95], [1, 0.92]])
    assert rate.get_xlim()[0] < 1e-4 and rate.get_xlim()[1] > 1.0
    assert [tick.get_text() for tick in kind.get_xticklabels()] == ["b", "a", "c"]
    places = kind.collections[0].get_offsets()[:, 0]
    assert np.all(np.abs(places - [1, 1, 0]) <= scatter.JITTER)
    assert len(set(places)) == 3
    np.testing.assert_allclose(_points(rate, "failed")[:, 0], [1e-2])


def test_the_best_is_ringed_where_its_parameter_is_active():
    trials = [_trial(1, 0.1, x=1.0, y=2.0), _trial(2, 0.9, x=3.0)]
    x, y = parameters_figure(trials, None, "max").axes[:2]
    rings = [c.get_offsets() for axes in (x, y) for c in axes.collections if c.get_facecolor().size == 0]
    assert len(rings) == 1
    np.testing.assert_allclose(rings[0], [[3.0, 0.9]])


def test_scales_are_inferred_from_the_values():
    trials = [_trial(1, 0.1, a=1, b="x", c=True, d=0.5), _trial(2, 0.2, a="many")]
    assert {s.name: s.scale for s in scatter.infer_scales(trials)} == {
        "a": "categorical",
        "b": "categorical",
        "c": "categorical",
        "d": "linear",
    }


def test_equal_values_of_different_types_are_different_categories():
    positions, labels = scatter.category_positions(ParameterScale("x", "categorical", choices=(1,)), [True, 1, 1.0])
    assert len(set(positions)) == 3 and labels == ["1", "True", "1.0"]


def test_reverse_log_scale_is_a_bijection_with_resolution_at_the_upper_end():
    values = np.linspace(0.1, 0.9, 9)
    places = scatter._mirrored_log(values, 0.1, 0.9)
    np.testing.assert_allclose(scatter._unmirror(places, 0.1, 0.9), values)
    assert np.all(np.diff(places) > 0) and np.all(np.diff(places, 2) > 0)


@pytest.mark.parametrize("sign, goal", [(1, "max"), (-1, "min")])
def test_limits_keep_the_better_half_apart_and_outliers_at_the_edge(sign, goal):
    values = sign * np.array([0.1, 0.95, 0.96, 0.97, 0.98, np.nan])
    low, high = pictures.focus_limits(values, goal)
    near, far = (low, high) if goal == "max" else (-high, -low)
    assert 0.9 < near < 0.95 and 0.98 < far < 1.0
    trials = [_trial(n, None if np.isnan(v) else float(v), x=1.0) for n, v in enumerate(values, start=1)]
    axes = convergence_figure(trials, goal).axes[0]
    beyond = _points(axes, f"trial {'below' if goal == 'max' else 'above'} the axis")
    assert beyond.shape == (1, 2) and beyond[0, 0] == 1 and low < beyond[0, 1] < high
    assert len(_points(axes, "trial")) == 4


@pytest.mark.parametrize("values", [[], [np.nan], [0.5], [0.5, 0.5, 0.1], [0.0, 0.0]])
def test_limits_of_few_or_equal_values_hold_them(values):
    low, high = pictures.focus_limits(np.array(values, float), "max")
    assert low < high
    assert all(low <= v <= high for v in values if not np.isnan(v))


@pytest.mark.parametrize("ending, magic", [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_figures_are_saved_by_ending(tmp_path, ending, magic):
    path = tmp_path / f"picture.{ending}"
    failed = [_trial(1, None, x=1.0, r=0.5), _trial(2, None, x=2.0, r=0.7)]
    scales = [ParameterScale("x"), ParameterScale("r", "reverse_log", 0.1, 0.9), ParameterScale("never", "log")]
    save_figure(parameters_figure(failed, scales, "min"), path)
    assert path.read_bytes().startswith(magic)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_wrong_arguments_are_named(tmp_path):
    for draw in (lambda r, g: convergence_figure(r, g), lambda r, g: parameters_figure(r, SCALES, g)):
        with pytest.raises(errors.InvalidArgumentError, match="`records`"):
            draw([RECORDS[-1]], "max")
        with pytest.raises(errors.InvalidArgumentError, match="`goal`"):
            draw(RECORDS, "best")
    with pytest.raises(errors.InvalidArgumentError, match="`scales`"):
        parameters_figure(RECORDS, [], "max")
    with pytest.raises(errors.InvalidArgumentError, match="`path`.*Received: "):
        save_figure(convergence_figure(RECORDS, "max"), tmp_path / "picture.exe")


def test_the_room_loads_neither_tensorflow_nor_pyplot_nor_keras_tuner():
    code = "import sys, keras_hparam.reports; print([m for m in sys.argv[1:] if m in sys.modules])"
    forbidden = ["tensorflow", "matplotlib.pyplot", "keras_tuner", "keras"]
    root = pathlib.Path(errors.__file__).parents[1]
    command = [sys.executable, "-c", code, *forbidden]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
