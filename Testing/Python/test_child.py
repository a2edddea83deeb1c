"""The child process works for a panel and ends with it, also behind a launcher and in the middle of work."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

MARK = "MAMMORADIOMICS_TEST_MARK"
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

# A program as the official PythonSlicer is one: it starts a second process and passes its channels on.
LAUNCHER = """#!{python}
import subprocess, sys
sys.exit(subprocess.Popen([{python!r}, *sys.argv[1:]]).wait())
"""
# Writes a large file again and again, and swallows every interrupt but the process's end.
STUBBORN = """
import sys, time
from MammoRadiomicsLib import command_line, commands
from MammoRadiomicsLib.commands import phantoms

def run(options, report):
    from MammoRadiomicsLib.files import write_atomically
    report(0, 1, "started")
    while True:
        try:
            write_atomically(options.output / "large.bin", b"0" * 20_000_000)
        except KeyboardInterrupt:
            pass

phantoms.run = run
sys.exit(command_line.main(sys.argv[3:]))
"""


@pytest.fixture
def mark(monkeypatch):
    """An environment variable that all descendants of this test share."""
    value = uuid.uuid4().hex
    os.putenv(MARK, value)
    yield value
    os.unsetenv(MARK)


@pytest.fixture
def launcher(tmp_path):
    """A launcher that starts Python as a second process."""
    path = tmp_path / "launcher"
    path.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def answers():
    return []


@pytest.fixture
def endings():
    return []


@pytest.fixture
def child(host, mark, launcher, answers, endings):
    """A child process behind the launcher."""
    from MammoRadiomicsGui import child as module

    child = module.Child(answers.append, endings.append, launcher)
    yield child
    child.close()
    wait_until(lambda: not descendants(mark) and not module._closing, 6)


def wait_until(condition, seconds: float = 30) -> None:
    import slicer

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        slicer.app.processEvents()
        time.sleep(0.01)


def descendants(mark: str) -> list[int]:
    """Return the processes of this test that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (path / "environ").read_bytes() and int(path.name) != os.getpid():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def phantoms_request(folder: Path, patients: int = 2) -> dict:
    return {"command": ["phantoms", "--output", str(folder), "--patients", str(patients), "--size", "96"]}


def test_a_command_runs_with_progress_and_a_result(child, answers, endings, tmp_path):
    number = child.send({"command": ["extract", "--cohort", str(tmp_path / "none.csv"), "--output", "f.csv"]})
    wait_until(lambda: answers)
    assert answers[0]["id"] == number
    assert "none.csv" in answers[0]["error"]
    assert child.running
    assert not child.busy


def test_wrong_arguments_are_an_error_of_one_request(child, answers):
    child.send({"command": ["extract", "--nonsense"]})
    child.send({"nonsense": 1})
    wait_until(lambda: len(answers) == 2)
    assert "--output" in answers[0]["error"]
    assert "nonsense" in answers[1]["error"]


def test_stale_answers_are_dropped(child, answers):
    child.send({"command": ["nonsense"]})
    child.forget()
    last = child.send({"command": ["nonsense too"]})
    wait_until(lambda: answers)
    assert [each["id"] for each in answers] == [last]


def test_a_process_that_dies_is_reported_once_and_the_next_request_starts_another(child, answers, endings, mark):
    child.send({"command": ["nonsense"]})
    wait_until(lambda: answers)
    for pid in descendants(mark):
        os.kill(pid, 9)
    wait_until(lambda: endings)
    assert "ended unexpectedly" in endings[0]
    assert not child.running
    child.send({"command": ["nonsense"]})
    wait_until(lambda: len(answers) == 2)
    assert len(endings) == 1


def test_a_program_that_is_missing_is_reported(host, answers, endings, tmp_path):
    from MammoRadiomicsGui.child import Child

    child = Child(answers.append, endings.append, str(tmp_path / "nowhere"))
    child.send({"command": []})
    wait_until(lambda: endings)
    assert "could not be started" in endings[0]
    assert not child.running


@needs_proc
def test_an_idle_process_ends_at_once_when_closed(child, answers, endings, mark):
    child.send({"command": ["nonsense"]})
    wait_until(lambda: answers)
    assert len(descendants(mark)) == 2
    child.close()
    wait_until(lambda: not descendants(mark), 2)
    assert endings == []


@needs_proc
def test_work_is_interrupted_when_the_panel_is_closed(child, answers, mark, tmp_path):
    """A cohort of phantoms takes minutes; interrupted, it leaves whole files only."""
    child.send({"command": ["phantoms", "--output", str(tmp_path / "cohort"), "--patients", "2000"]})
    wait_until(lambda: answers)
    child.close()
    wait_until(lambda: not descendants(mark), 5)
    assert not list(tmp_path.rglob(".*"))


def test_a_prediction_of_the_child_is_that_of_the_library(child, answers, module_files):
    from MammoRadiomicsLib import parts, phantoms, prediction
    from test_in_slicer import a_model

    image, roi = phantoms.mammogram(1, size=(160, 160), diameter_mm=2.5)
    import SimpleITK as sitk

    image = sitk.Cast(image / 16, sitk.sitkUInt16)
    pixels, inside = (sitk.GetArrayFromImage(each)[0] for each in (image, roi))
    geometry = {"spacing": image.GetSpacing(), "origin": image.GetOrigin(), "direction": image.GetDirection()}
    for message in parts.image_messages("a", pixels, geometry):
        child.tell(message)
    child.tell({"model": "m", "text": a_model().to_text()})
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = rows[0] - 3, rows[-1] + 1, columns[0] - 2, columns[-1] + 4
    mask = parts.mask_message(inside[top:bottom, left:right] == 1, (int(top), int(left)))
    child.send({"predict": {"models": {"m": {}}, "views": {"CC": {"image": "a", "mask": mask}}}})
    wait_until(lambda: answers)
    assert answers[0]["records"]["m"] == json.loads(json.dumps(prediction.predict(a_model(), {"CC": (image, roi)})))


@pytest.mark.parametrize("corner", [(-2, -3), (4, 5), (0, 0)])
def test_a_part_is_pasted_where_it_belongs(corner):
    from MammoRadiomicsLib.parts import paste

    padded = np.zeros((20, 20), dtype=np.uint8)
    part = np.arange(1, 37, dtype=np.uint8).reshape(6, 6)
    padded[5 + corner[0] : 11 + corner[0], 5 + corner[1] : 11 + corner[1]] = part
    whole = np.zeros((8, 9), dtype=np.uint8)
    paste(part, list(corner), whole)
    assert np.array_equal(whole, padded[5:13, 5:14])


@needs_proc
def test_what_does_not_stop_is_killed_and_leaves_no_half_written_file(mark, tmp_path):
    """As when the window itself is killed: the input closes, nobody else does anything."""
    program = [sys.executable, "-c", STUBBORN, "-m", "x", "serve"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    request = {"id": 1, "command": ["phantoms", "--output", str(tmp_path)]}
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    assert b"started" in process.stdout.readline()
    wait_until_plain((tmp_path / "large.bin").exists, 10)
    begin = time.monotonic()
    process.stdin.close()
    process.stdout.read()
    process.stdout.close()
    process.wait(timeout=6)
    assert 3 <= time.monotonic() - begin < 5
    assert {path.name for path in tmp_path.iterdir()} == {"large.bin"}


@needs_proc
def test_a_killed_window_leaves_no_descendant(mark, launcher, tmp_path):
    window = (
        f"import sys; sys.path[:0] = {[each for each in sys.path if each]!r}\n"
        "from MammoRadiomicsHost import application; application.start()\n"
        "import slicer, time\n"
        "from MammoRadiomicsGui.child import Child\n"
        f"child = Child(lambda message: print('working', flush=True), print, {launcher!r})\n"
        f"child.send({{'command': ['phantoms', '--output', {str(tmp_path / 'c')!r}, '--patients', '2000']}})\n"
        "while True: slicer.app.processEvents(); time.sleep(0.01)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", window], stdout=subprocess.PIPE)
    assert b"working" in process.stdout.readline()
    assert len(descendants(mark)) == 3
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until_plain(lambda: not descendants(mark), 5)


def wait_until_plain(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.05)
