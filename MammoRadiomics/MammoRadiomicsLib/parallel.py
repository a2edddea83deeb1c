"""One function over many tasks: here, in several processes, or on a Dask cluster, through joblib."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from .errors import DependencyError, InputError

Task = TypeVar("Task")
# On a cluster, after how long without any result the run stops waiting.
_PATIENCE_S = 3600


class ProcessEnded:
    """Stands for the result of a task whose process ended before it."""

    def __str__(self) -> str:
        return "The process that computed it ended without a word, perhaps for lack of memory. Use fewer --jobs."


def unordered(
    function: Callable[[Task], Any], tasks: list[Task], jobs: int = 1, scheduler: str | None = None
) -> Generator[tuple[Task, Any]]:
    """Yield each task with its result, in the order in which they finish.

    Parameters
    ----------
    function : callable
        Of a module, so that another process finds it.
    tasks : list
        Its arguments.
    jobs : int
        Processes on this machine; 1 stays in this one.
    scheduler : str, optional
        Address of a Dask scheduler, which computes instead.

    Raises
    ------
    InputError
        When no scheduler answers, or none of its workers does.
    DependencyError
        Without joblib, or without distributed for a scheduler.
    """
    if scheduler:
        yield from _on_cluster(function, tasks, scheduler)
    elif jobs == 1 or len(tasks) < 2:
        yield from ((task, function(task)) for task in tasks)
    else:
        yield from _in_processes(function, tasks, jobs)


def _in_processes(function: Callable, tasks: list, jobs: int) -> Iterator[tuple[Any, Any]]:
    """Go on where a process ended: those that were under way are computed one at a time, which shows the culprit."""
    joblib = _import_joblib()
    from concurrent.futures.process import BrokenProcessPool

    waiting = dict(enumerate(tasks))
    while waiting:
        try:
            with _stopping(_results(joblib, function, waiting, jobs)) as results:
                for i, result in results:
                    yield waiting.pop(i), result
        except BrokenProcessPool:
            under_way = list(waiting)[: 2 * jobs]
            for i in under_way:
                task = waiting.pop(i)
                yield task, _alone(joblib, function, task)


@contextlib.contextmanager
def _stopping(results: Generator) -> Iterator[Generator]:
    """End what is under way when nobody wants it any more; joblib would warn of work done in vain."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _alone(joblib: Any, function: Callable, task: Any) -> Any:
    from concurrent.futures.process import BrokenProcessPool

    try:
        ((_, result),) = _results(joblib, function, {0: task}, jobs=2)
        return result
    except BrokenProcessPool:
        return ProcessEnded()


def _results(joblib: Any, function: Callable, tasks: dict[int, Any], jobs: int) -> Generator[tuple[int, Any]]:
    parallel = joblib.Parallel(jobs, return_as="generator_unordered", batch_size=1)
    here = os.getpid()
    return parallel(joblib.delayed(_of_parent)(function, i, task, here) for i, task in list(tasks.items()))


def _of_parent(function: Callable, number: int, task: Any, parent: int) -> tuple[int, Any]:
    _end_with(parent)
    return _numbered(function, number, task)


@functools.cache
def _end_with(parent: int) -> None:
    """Let this process end when the one that started it is killed; joblib's would wait for minutes."""

    def watch() -> None:
        if sys.platform == "win32":
            multiprocessing.parent_process().join()
        else:
            while os.getppid() == parent:
                time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _numbered(function: Callable, number: int, task: Any) -> tuple[int, Any]:
    """In a process of its own: one thread each, since the processes are as many as there are cores to use."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    return number, function(task)


def _on_cluster(function: Callable, tasks: list, scheduler: str) -> Iterator[tuple[Any, Any]]:
    joblib = _import_joblib()
    try:
        import distributed
    except ImportError as error:
        raise DependencyError("A Dask scheduler needs the Python package distributed. Install it with pip.") from error
    try:
        client = distributed.Client(scheduler, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {scheduler}. Check the address (tcp://HOST:PORT).") from error
    with client, joblib.parallel_config("dask", client=client):
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, timeout=_PATIENCE_S)
        try:
            with _stopping(
                parallel(joblib.delayed(_numbered)(function, i, each) for i, each in enumerate(tasks))
            ) as found:
                for i, result in found:
                    yield tasks[i], result
        except TimeoutError as error:
            raise InputError(f"The workers of {scheduler} do not answer. Look at them and run again.") from error


def _import_joblib() -> Any:
    try:
        import joblib
    except ImportError as error:
        raise DependencyError("Several processes need the Python package joblib. Install it with pip.") from error
    return joblib
