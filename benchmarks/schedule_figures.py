"""Tables of the comparison of learning-rate schedules."""

import numpy as np

from benchmarks import tables

LEARNED = ("learned", "learned_adam")
WRONG = ("right", "/30", "/10", "x10")


def losses(cell, name):
    """Final validation losses over seeds; one that is not finite counts as the loss of no knowledge."""
    found = np.array([one["validation_loss"] for one in cell[name]], "float64")
    return np.where(np.isfinite(found), found, np.log(10.0))


def table(cells):
    """(text, content) of cells by task and method."""
    lines, content = [], {}
    for task, by_method in cells.items():
        part, content[task] = _task(task, by_method)
        lines += part
    part, content["summary"] = _summary(cells)
    return "\n".join([*lines, *part]), content


def _task(task, by_method):
    best = min((m for m in by_method if m not in LEARNED and m != "untrained"),
               key=lambda m: losses(by_method[m], "right").mean(), default=None)  # fmt: skip
    rows, content = [["method", "rate", "loss, right rate", "/30", "/10", "x10", "untuned", "test accuracy"]], {}
    for method, cell in by_method.items():
        values = {name: losses(cell, name) for name in (*WRONG, "untuned") if name in cell}
        accuracy = np.array([one["test_accuracy"] for one in cell["right"]])
        row = [method + (" *" if method == best else ""), f"{cell['tuned_rate']:.3g}"]
        row.append(f"{values['right'].mean():.3f} ± {_deviation(values['right']):.3f}")
        row += [f"{values[name].mean():.3f}" if name in values else "–" for name in ("/30", "/10", "x10", "untuned")]
        rows.append([*row, f"{accuracy.mean():.3f}"])
        content[method] = {
            "tuned_rate": cell["tuned_rate"], "test_accuracy": accuracy.tolist(),
            **{name: value.tolist() for name, value in values.items()},
        }  # fmt: skip
    return [f"== {task} (* best of the tuned ones)", *tables.align(rows), ""], content


def _deviation(values):
    return values.std(ddof=1) if len(values) > 1 else 0.0


def _summary(cells):
    """Geometric means over tasks of losses relative to the best tuned peer of each task."""
    rows, content = [["relative to the best tuned peer", *WRONG, "untuned"]], {}
    methods = list(dict.fromkeys(method for by_method in cells.values() for method in by_method))
    for method in methods:
        found = {}
        for name in (*WRONG, "untuned"):
            ratios = []
            for by_method in cells.values():
                peers = [m for m in by_method if m not in LEARNED and m != "untrained"]
                if method in by_method and name in by_method[method] and peers:
                    best = min(losses(by_method[m], "right").mean() for m in peers)
                    ratios.append(losses(by_method[method], name).mean() / best)
            found[name] = float(np.exp(np.mean(np.log(ratios)))) if ratios else None
        content[method] = found
        rows.append([method, *(f"{v:.2f}" if v is not None else "–" for v in found.values())])
    return ["== geometric mean over tasks", *tables.align(rows)], content
