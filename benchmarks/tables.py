"""Figures as text."""

from benchmarks import statistics


def align(rows):
    """Lines of rows of cells, each column as wide as its widest cell, the first one to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]


def with_interval(found, digits):
    """Texts such as "0.10 [0.08, 0.12]", one per horizon, of a dict with `mean` and `interval`."""
    return [
        f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
        for mean, (low, high) in zip(found["mean"], found["interval"], strict=True)
    ]


def block(title, summary, key, digits):
    """Lines with one quantity of every peer that has it at every horizon."""
    rows = [[title, *(f"@{horizon}" for horizon in summary["horizons"])]]
    rows += [[peer, *with_interval(found[key], digits)] for peer, found in summary["peers"].items() if key in found]
    return align(rows)


def render(title, summary):
    """The table of one group of problems: regret, rank, differences to the base, milliseconds, notes."""
    lines = [f"== {title}: {summary['num_problems']} problems, {summary['num_repeats']} searches of each peer"]
    if not summary["peers"]:
        return lines[0]
    lines += block("regret (0: best known, 1: median of random)", summary, "regret", 3)
    lines += block("mean rank", summary, "rank", 2)
    if summary["base"]:
        lines += block(f"regret minus that of {summary['base']}", summary, "regret_difference", 3)
        lines += block(f"rank minus that of {summary['base']}", summary, "rank_difference", 2)
    trials = [str(trial) for trial in statistics.LATENCY_TRIALS]
    rows = [["median ms per proposal (machine not idle)", *(f"trial {trial}" for trial in trials)]]
    for peer, found in summary["peers"].items():
        milliseconds = found["milliseconds"]
        rows.append([peer, *(f"{milliseconds[t]:.1f}" if t in milliseconds else "-" for t in trials)])
    lines += align(rows)
    lines += [
        f"{peer}: {found['illegal']} proposals outside the space, {found['beat_best_known']} searches beat the best"
        for peer, found in summary["peers"].items()
        if found["illegal"] or found["beat_best_known"]
    ]
    return "\n".join(lines)
