"""Many independent calls, in this process or in several."""

import concurrent.futures
import multiprocessing

from absl import logging


def outcomes(function, jobs, num_processes):
    """Calls `function(*job)` for every job, here or in several processes; yields each job with what it raised, or None.

    A failure of one search is no reason to lose the others.
    """
    if num_processes == 1:
        for job in jobs:
            try:
                function(*job)
            except Exception as error:
                yield job, error
            else:
                yield job, None
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(num_processes, mp_context=context) as pool:
        pending = {pool.submit(function, *job): job for job in jobs}
        for future in concurrent.futures.as_completed(pending):
            yield pending[future], future.exception()


def run(function, jobs, num_processes):
    """Runs all jobs, logs n of N and what failed; returns the failed jobs."""
    failed = []
    for done, (job, error) in enumerate(outcomes(function, jobs, num_processes), 1):
        logging.info("%d/%d %s", done, len(jobs), job[2:])
        if error is not None:
            logging.error("%s failed: %s: %s", job[2:], type(error).__name__, error)
            failed.append(job)
    return failed
