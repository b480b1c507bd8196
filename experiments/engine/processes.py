"""One job, one process: a crash or a kill of one leaves the others and their files alone."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from d2t.errors import D2TError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path


def exit_code(run: Callable[[], int]) -> int:
    """What ``run`` returns; where it raises an error of d2t, its message and its exit code."""
    try:
        return run()
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def run_module(module: str, arguments: Sequence[str], log: Path) -> int:
    """``python -m MODULE ...`` to its end; its words go to the end of ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, *arguments]
    with log.open("a", encoding="utf-8") as stream:
        return subprocess.run(command, stdout=stream, stderr=stream, check=False).returncode


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process; the lock ends with the process, however that ends.

    Raises:
        DataError: another process is at work in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"another process is at work in {folder}; wait for it, or end it first"
            ) from None
        yield


@dataclass(frozen=True)
class Job:
    """One process of a run.

    Attributes:
        name: unique in its run.
        needs: names of jobs that must be done before; those that are not in the run are done.
        priority: low ones go first.
        seconds: estimate of its cost.
    """

    name: str
    needs: frozenset[str] = frozenset()
    priority: int = 0
    seconds: float = 0.0


def by_urgency(jobs: Sequence[Job]) -> list[Job]:
    """The jobs, low priorities first; one that others need is as urgent as the most urgent."""
    urgent = {job.name: job for job in jobs}

    def raise_needs(job: Job, priority: int) -> None:
        for name in job.needs:
            first = min(priority, urgent[name].priority)
            urgent[name] = replace(urgent[name], priority=first)
            raise_needs(urgent[name], first)

    for job in jobs:
        raise_needs(job, job.priority)
    return sorted(urgent.values(), key=lambda job: job.priority)


def run_jobs(
    jobs: Sequence[Job],
    launch: Callable[[Job], int],
    *,
    workers: int,
    done: Callable[[Job, int], None] = lambda job, code: None,
) -> dict[str, int | None]:
    """Run jobs, ``workers`` at a time, the first whose needs are met first.

    Args:
        jobs: in order of urgency.
        launch: runs one job to its end and returns its exit status.
        workers: jobs at a time.
        done: told after each job, in this thread.

    Returns:
        The exit status of each job; None where a need failed, so that it never began.
    """
    codes: dict[str, int | None] = {}
    waiting = list(jobs)
    running: dict[Future[int], Job] = {}
    names = {job.name for job in jobs}
    with ThreadPoolExecutor(workers) as pool:
        while waiting or running:
            for job in list(waiting):
                if any(codes.get(need, 0) != 0 for need in job.needs):
                    waiting.remove(job)
                    codes[job.name] = None
                    done(job, 1)
                elif len(running) < workers and job.needs & names <= codes.keys():
                    waiting.remove(job)
                    running[pool.submit(launch, job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                job = running.pop(future)
                codes[job.name] = future.result()
                done(job, future.result())
    return codes
