"""How long proposals take: the first one after loading, and later ones."""

from benchmarks import cells, problems, tables

TRIALS = (10, 50, 100, 200)
WINDOW = 5  # trials around a trial


def around(seconds, trial):
    """Median of the `WINDOW` seconds around a trial (from 1), fewer at the ends of the search; None beyond it."""
    if trial > len(seconds):
        return None
    start = max(trial - 1 - WINDOW // 2, 1)  # without the first proposal, which compiles
    window = sorted(seconds[start : trial + WINDOW // 2])
    return window[len(window) // 2]


def measure(peer, problem_name, data_dir, num_trials):
    """Seconds of one search, for a fresh process.

    Returns:
        Dict with `peer`, `num_parameters`, `first` (loading and the first proposal) and, by trial number as text,
        `proposals`; trials that were not reached are absent.
    """
    (problem,) = problems.load([problem_name], data_dir)
    cell = cells.run(problem, peer, 0, num_trials)
    seconds = cell["ask_seconds"]
    found = {str(trial): around(seconds, trial) for trial in TRIALS}
    return {
        "peer": cell["peer"],
        "num_parameters": cell["num_parameters"],
        "first": cell["load_seconds"] + seconds[0],
        "proposals": {trial: value for trial, value in found.items() if value is not None},
    }


def render(results):
    """The table as text: seconds of the first proposal, milliseconds of later ones."""
    rows = [["peer", "first (s)", *(f"ms at trial {trial}" for trial in TRIALS)]]
    for found in results:
        later = (found["proposals"].get(str(trial)) for trial in TRIALS)
        rows.append([found["peer"], f"{found['first']:.2f}", *("-" if t is None else f"{1000 * t:.1f}" for t in later)])
    return "\n".join(tables.align(rows))
