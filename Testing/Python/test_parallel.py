"""Several processes: every task once, whatever ends a process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tasks
from MammoRadiomicsLib import parallel
from MammoRadiomicsLib.errors import InputError


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_comes_back_with_its_result(jobs):
    found = sorted(parallel.unordered(tasks.double, list(range(20)), jobs))
    assert found == [(i, 2 * i) for i in range(20)]


def test_a_task_that_ends_its_process_is_named_and_the_others_are_done():
    found = dict(parallel.unordered(tasks.end_at_three, list(range(10)), 2))
    assert isinstance(found.pop(3), parallel.ProcessEnded)
    assert found == {i: 2 * i for i in range(10) if i != 3}


def test_a_defect_is_raised_here():
    with pytest.raises(ValueError, match="three"):
        list(parallel.unordered(tasks.fail_on_three, list(range(6)), 2))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked for in /proc")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    program = "import sys, tasks; from MammoRadiomicsLib import parallel\n"
    program += "list(parallel.unordered(tasks.write_process_and_wait, sys.argv[1:], 2))"
    files = [tmp_path / name for name in "ab"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", program, *map(str, files)], env=environment)
    try:
        processes = [int(_content_of(path)) for path in files]
    finally:
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{each}").exists() for each in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{each}").exists() for each in processes)


def _content_of(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return path.read_text()


def test_no_scheduler_is_said_in_one_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "300ms"}), pytest.raises(InputError, match="No Dask"):
        list(parallel.unordered(tasks.double, [1], scheduler="tcp://127.0.0.1:1"))
    assert distributed
