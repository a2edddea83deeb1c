"""What goes wrong around the commands: full disks, folders that may not be written, interrupts, rivals, pipes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import faults
import filelock
import pytest
from faults import QUICK_TRAINING
from MammoRadiomicsLib import command_line, files

resource = pytest.importorskip("resource", reason="limits of a process are those of POSIX")
NOBODY = 65534
WRITERS = {
    "extract": "extract --image 0.nrrd --mask 0_mask.nrrd --preset quick.yaml --output {}f.csv",
    "extract --cohort": "extract --cohort cohort.csv --preset quick.yaml --output {}f.csv",
    "stability": "stability --features repeated.csv --output {}icc.csv",
    "train": f"train --features features.csv --outcome outcome {QUICK_TRAINING} --output {{}}m.mammomodel",
    "predict --features": "predict --model good.mammomodel --features new.csv --output {}p.csv",
    "predict": "predict --model good.mammomodel --view CC --image 0.nrrd --mask 0_mask.nrrd --json {}p.json",
    "clinical": "clinical --cohort clinical.csv --outcome slnm --predictors age --report {}report",
    "phantoms": "phantoms --patients 1 --output {}made",
    "cohort scan": "cohort scan . --output {}proposed.csv",
}
BY_COMMAND = pytest.mark.parametrize("where", WRITERS)


def judge(outcome, sentence: str, record_property, where: str, case: str, *, leaves=()) -> None:
    """Hold an outcome of exit code 2 against the sentence that is expected, and record it for the table."""
    said = " ".join(outcome.sentences).removeprefix("MammoRadiomics: ")
    record_property("fault", [where, case, said, ", ".join(outcome.changed)])
    assert outcome.code == 2, outcome.out + outcome.err
    assert len(outcome.sentences) == 1
    assert sentence in said
    assert set(outcome.changed) <= set(leaves)


@contextlib.contextmanager
def room_for(size: int):
    """Let no file grow beyond a size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@BY_COMMAND
def test_a_full_disk_loses_nothing(where, broken_folder, record_property):
    outcome = faults.run(broken_folder, WRITERS[where].format(""), room_for(20))
    leaves = {"extract --cohort": ("f.journal", "f.lock"), "phantoms": ("made",)}.get(where, ())
    judge(outcome, "cannot be written", record_property, where, "a full disk", leaves=leaves)


@pytest.fixture
def open_folder(working_folder):
    """A folder that any user may read, below folders that any user may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copytree(working_folder, folder / "folder")
    (folder / "folder").chmod(0o755)
    yield folder / "folder"
    shutil.rmtree(folder)


@contextlib.contextmanager
def as_an_ordinary_user():
    """Root may do anything: be somebody else for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@BY_COMMAND
def test_a_folder_that_may_not_be_written_is_named(where, open_folder, tmp_path, working_folder, record_property):
    # What is imported only now may lie where the ordinary user cannot read.
    faults.run(shutil.copytree(working_folder, tmp_path / "first"), WRITERS[where].format("new/"))
    closed = open_folder / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    outcome = faults.run(open_folder, WRITERS[where].format("closed/"), as_an_ordinary_user())
    judge(outcome, "Permission denied", record_property, where, "a folder that may not be written")


@contextlib.contextmanager
def not_readable(path: Path):
    """Let an ordinary user not read a file."""
    path.chmod(0)
    try:
        with as_an_ordinary_user():
            yield
    finally:
        path.chmod(0o644)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("extract", "0.nrrd"), ("extract", "0_mask.nrrd"), ("extract", "quick.yaml"),
        ("extract --cohort", "cohort.csv"), ("stability", "repeated.csv"), ("train", "features.csv"),
        ("predict", "good.mammomodel"),        ("clinical", "clinical.csv"),
    ],
)  # fmt: skip
def test_a_file_that_may_not_be_read_is_named(where, name, open_folder, record_property):
    outcome = faults.run(open_folder, WRITERS[where].format(""), not_readable(open_folder / name))
    judge(outcome, name, record_property, where, f"{name} may not be read")


@BY_COMMAND
def test_an_interrupt_leaves_nothing_half_written(where, broken_folder, monkeypatch, record_property):
    def interrupt(path):
        raise KeyboardInterrupt

    # Between writing a file under another name and moving it into its place.
    monkeypatch.setattr(files, "_give_usual_permissions", interrupt)
    outcome = faults.run(broken_folder, WRITERS[where].format(""))
    record_property(
        "fault", [where, "Ctrl-C while it writes", outcome.err.splitlines()[-1], ", ".join(outcome.changed)]
    )
    assert outcome.code == 130
    assert outcome.err.splitlines()[-1] == "MammoRadiomics: stopped."
    bookkeeping = {"f.journal", "f.lock"}
    assert all(name in bookkeeping or name.startswith("made") for name in outcome.changed), outcome.changed


def test_a_second_run_into_one_output_is_refused(broken_folder, record_property):
    with filelock.FileLock(broken_folder / "f.lock"):
        outcome = faults.run(broken_folder, WRITERS["extract --cohort"].format(""))
    judge(outcome, "Another run is writing f.csv. Wait for it", record_property, "extract --cohort", "two runs at once",
          leaves=("f.lock",))  # fmt: skip


def started(folder: Path, *arguments: str, **channels) -> subprocess.Popen:
    command = [sys.executable, "-m", "MammoRadiomicsLib", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, cwd=folder, env=environment | channels.pop("env", {}), text=True, **channels)


@pytest.mark.parametrize(("target", "reason"), [("/dev/full", "No space left on device"), ("pipe", "Broken pipe")])
def test_a_result_that_nobody_can_read_is_said(target, reason, broken_folder, record_property):
    if target == "pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        if not Path(target).exists():
            pytest.skip("this system has no /dev/full")
        writer = os.open(target, os.O_WRONLY)
    child = started(broken_folder, "cohort", "check", "cohort.csv", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, err = child.communicate(timeout=60)
    record_property("fault", ["cohort check", f"standard output is {target}", err.strip()[16:], ""])
    assert child.returncode == 2
    assert err == f"MammoRadiomics: standard output cannot be written ({reason}). Send it elsewhere.\n"


def test_letters_that_the_terminal_lacks_are_escaped(broken_folder):
    (broken_folder / "0.nrrd").rename(broken_folder / "Brüste \N{GREEK CAPITAL LETTER OMEGA}.nrrd")
    child = started(broken_folder, "inspect", "Brüste \N{GREEK CAPITAL LETTER OMEGA}.nrrd", stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})  # fmt: skip
    out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (0, "")
    assert r"Br\xfcste \u03a9.nrrd" in out


def test_two_runs_at_once_leave_one_whole_result(broken_folder):
    """Whoever comes second is refused, or finds all done; nothing is mixed or left over."""
    command = WRITERS["extract --cohort"].format("").split()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    children = [started(broken_folder, *command, **pipes) for _ in range(2)]
    told = [child.communicate(timeout=60)[1] for child in children]
    codes = sorted(child.returncode for child in children)
    assert codes in ([0, 0], [0, 2])
    assert all("Traceback" not in text for text in told)
    assert codes == [0, 0] or any("Another run is writing" in text for text in told)
    assert len((broken_folder / "f.csv").read_text().splitlines()) == 5
    assert not [path for path in broken_folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("request_line", "said"),
    [
        ("this is no JSON", "The request has none of the known kinds"),
        ("[1, 2]", "The request has none of the known kinds"),
        ('{"id": 1, "sing": "a song"}', "The request has none of the known kinds: id, sing"),
        ('{"id": 1, "command": ["trian"]}', "invalid choice: 'trian'"),
        ('{"id": 1, "command": ["extract", "--cohort", "none.csv", "--output", "f.csv"]}', "none.csv cannot be read"),
        ('{"id": 1, "model": "m", "text": "no model"}', "damaged"),
    ],
)
def test_the_worker_answers_what_it_cannot_do_and_goes_on(request_line, said, broken_folder, record_property):
    child = started(broken_folder, "serve", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    good = json.dumps({"id": 2, "command": ["cohort", "check", "cohort.csv"]})
    child.stdin.write(f"{request_line}\n{good}\n")
    child.stdin.flush()
    first, second = (json.loads(child.stdout.readline()) for _ in range(2))
    child.stdin.close()
    assert child.wait(timeout=10) == 0
    child.stdout.close()
    record_property("fault", ["serve", request_line, first["error"], ""])
    assert said in first["error"]
    assert (second["id"], second["exit_code"]) == (2, 0)


def test_progress_that_nobody_reads_stops_the_work(broken_folder, monkeypatch, record_property):
    class Closed:
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

        flush = write

    command = WRITERS["extract --cohort"].format("").split()
    with contextlib.chdir(broken_folder), contextlib.redirect_stdout(Closed()):
        code = command_line.main([*command, "--json-progress"])
    assert code == 2
    assert (broken_folder / "f.csv").read_text() == faults.BEFORE
