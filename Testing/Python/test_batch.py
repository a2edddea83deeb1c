"""A cohort's features: the same bytes whatever the processes and interruptions, and nothing computed twice."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import filelock
import pytest
import SimpleITK as sitk
import tasks
from MammoRadiomicsLib import batch, cohort, command_line, extraction, phantoms, presets, tables
from MammoRadiomicsLib.errors import Cancelled, InputError

# Few features, so that a case takes milliseconds.
PRESET = """
imageType:
  Original: {}
featureClass:
  shape2D:
  firstorder:
setting:
  force2D: true
  binCount: 32
"""
CASES = 12


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    path = tmp_path_factory.mktemp("preset") / "quick.yaml"
    path.write_text(PRESET)
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Twelve outlines with commas, spaces and letters in their names; one has an empty mask, one no image."""
    folder = tmp_path_factory.mktemp("Kohorte mit Größe")
    rows = []
    for i in range(CASES):
        image, mask = phantoms.mammogram(i, size=(70, 60), diameter_mm=1.5)
        sitk.WriteImage(image, str(folder / f"{i} ä.nrrd"))
        sitk.WriteImage(mask * (i != 4), str(folder / f"{i}_mask.nrrd"))
        files = {"image": f"{i} ä.nrrd" if i != 7 else "none.nrrd", "mask": f"{i}_mask.nrrd"}
        rows.append({"patient_id": f'Ö "{i // 2}", x', "laterality": "L", "view": ("CC", "MLO")[i % 2]} | files)
    tables.write_rows(folder / "cohort.csv", rows)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    shutil.copytree(original, tmp_path / "cohort")
    return tmp_path / "cohort"


def run(folder, preset, **settings) -> batch.Summary:
    rows = cohort.read_cohort(folder / "cohort.csv")
    return batch.extract(rows, presets.load(preset), folder / "out" / "f.csv", batch.Settings(**settings))


def written(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in batch.outputs(folder / "out" / "f.csv")}


@pytest.fixture(scope="module")
def expected(original, preset, tmp_path_factory) -> dict[str, bytes]:
    """What the plain loop in memory writes."""
    output = tmp_path_factory.mktemp("expected") / "f.csv"
    rows = cohort.read_cohort(original / "cohort.csv")
    extraction.write(extraction.extract_cohort(rows, presets.load(preset)), presets.load(preset), output)
    return {path.name: path.read_bytes() for path in batch.outputs(output)}


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_table_is_that_of_a_plain_loop_for_any_number_of_processes(folder, preset, expected, jobs):
    done = run(folder, preset, jobs=jobs)
    assert (done.rows, done.computed, done.kept) == (10, 10, 0)
    found = written(folder)
    assert found["f.csv"] == expected["f.csv"]
    assert found["f.run.json"] == expected["f.run.json"]


def test_a_case_that_fails_is_a_row_of_the_failures_and_the_run_goes_on(folder, preset):
    failures = run(folder, preset).failures
    assert [each["row"] for each in failures] == [6, 9]
    assert "The mask is empty" in failures[0]["reason"]
    assert "none.nrrd cannot be read (No such file or directory)" in failures[1]["reason"]
    assert [row["row"] for row in tables.read_rows(folder / "out" / "f.failures.csv")] == ["6", "9"]


def test_what_is_unchanged_is_not_computed_again(folder, preset):
    run(folder, preset)
    before = written(folder)
    done = run(folder, preset)
    assert (done.computed, done.kept) == (0, 10)
    assert written(folder) == before


def test_what_features_depend_on_is_computed_again_and_nothing_else(folder, preset, monkeypatch):
    run(folder, preset)
    image = sitk.ReadImage(str(folder / "2 ä.nrrd"))
    sitk.WriteImage(image + 1, str(folder / "2 ä.nrrd"))
    shutil.copy(folder / "3_mask.nrrd", folder / "5_mask.nrrd")
    assert run(folder, preset).computed == 2
    rows = tables.read_rows(folder / "cohort.csv")
    tables.write_rows(folder / "cohort.csv", [row | {"patient_id": f"Q{i}"} for i, row in enumerate(rows)])
    assert run(folder, preset).computed == 0
    assert tables.read_rows(folder / "out" / "f.csv")[0]["patient_id"] == "Q0"
    assert run(folder, preset, spacing_mm=0.2).computed == 10
    assert run(folder, preset, perturb=1).computed == 10
    monkeypatch.setattr(extraction, "__version__", "next")
    assert run(folder, preset).computed == 10
    other = folder / "quick.yaml"
    other.write_text(PRESET.replace("32", "16"))
    assert run(folder, other).computed == 10


def test_the_same_files_in_two_rows_are_computed_once(folder, preset):
    rows = tables.read_rows(folder / "cohort.csv")[:2]
    tables.write_rows(folder / "cohort.csv", [*rows, rows[0] | {"patient_id": "again"}])
    computed = []
    progress = lambda done, total, message: computed.append(done)  # noqa: E731
    cohort_rows = cohort.read_cohort(folder / "cohort.csv")
    batch.extract(cohort_rows, presets.load(preset), folder / "out" / "f.csv", progress=progress)
    assert computed == [2, 3]
    assert len(tables.read_rows(folder / "out" / "f.csv")) == 3


def test_a_cancelled_run_keeps_what_is_finished_and_lets_go(folder, preset, expected):
    def stop(done, total, message):
        if done == 5:
            raise Cancelled("enough")

    rows = cohort.read_cohort(folder / "cohort.csv")
    for jobs in (1, 2):
        with pytest.raises(Cancelled):
            batch.extract(
                rows, presets.load(preset), folder / "out" / "f.csv", batch.Settings(jobs=jobs), progress=stop
            )
        assert not (folder / "out" / "f.csv").exists()
        if jobs == 1:
            shutil.rmtree(folder / "out")
    done = run(folder, preset)
    assert done.kept >= 3
    assert written(folder)["f.csv"] == expected["f.csv"]


def test_progress_tells_the_time_that_is_left(folder, preset):
    told = []
    rows = cohort.read_cohort(folder / "cohort.csv")
    progress = lambda *step: told.append(step)  # noqa: E731
    batch.extract(rows, presets.load(preset), folder / "out" / "f.csv", progress=progress)
    assert [done for done, _, _ in told] == list(range(1, CASES + 1))
    assert {total for _, total, _ in told} == {CASES}
    assert "s left" in told[3][2]
    assert "left" not in told[-1][2]


def test_a_second_run_into_the_same_output_is_refused(folder, preset):
    (folder / "out").mkdir()
    with (
        filelock.FileLock(folder / "out" / "f.lock"),
        pytest.raises(InputError, match=r"Another run is writing .*f\.csv\. Wait for it"),
    ):
        run(folder, preset)
    assert run(folder, preset).rows == 10


def test_a_full_disk_stops_the_run_with_what_is_finished(folder, preset, expected):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(InputError, match=r"cannot be written .* What is finished is kept: free some space"):
            run(folder, preset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    done = run(folder, preset)
    assert 0 < done.kept < 10
    assert done.kept + done.computed == 10
    assert written(folder)["f.csv"] == expected["f.csv"]


def test_a_defect_of_the_software_is_a_failure_of_its_case(folder, preset, monkeypatch):
    real = extraction.feature_row

    def broken(keys, *rest):
        if keys["view"] == "MLO":
            raise ZeroDivisionError("oops")
        return real(keys, *rest)

    monkeypatch.setattr(extraction, "feature_row", broken)
    done = run(folder, preset)
    assert done.rows == 5
    assert "unexpected ZeroDivisionError (oops). This is a defect of the software" in done.failures[0]["reason"]


def test_an_output_that_cannot_be_written_is_refused_before_any_work(folder, preset):
    rows = cohort.read_cohort(folder / "cohort.csv")
    (folder / "f.lock").mkdir()
    for name, sentence in (("f.csv", "cannot be written"), ("f.journal", "Let it end in .csv"), ("a/f.csv", "be made")):
        (folder / "a").write_text("x")
        with pytest.raises(InputError, match=sentence):
            batch.extract(rows, presets.load(preset), folder / name)
    assert not list(folder.glob("f.csv"))


def test_impossible_settings_are_refused(folder, preset):
    both = {"jobs": 2, "scheduler": "tcp://127.0.0.1:1"}
    for settings, sentence in (({"jobs": 0}, "at least 1"), ({"perturb": -1}, "0 or more"), (both, "leave --jobs out")):
        with pytest.raises(InputError, match=sentence):
            run(folder, preset, **settings)


def test_a_run_killed_at_random_moments_goes_on_where_it_stopped(folder, preset, expected, monkeypatch):
    """The journal is also cut inside its last line, as a power cut may leave it."""
    rng = random.Random(3)
    log = folder / "log"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "BATCH_LOG": str(log)}
    program = Path(__file__).with_name("batch_run.py")
    output = folder / "out" / "f.csv"
    cuts = 0
    for goal in (2, 7, 99):
        command = [sys.executable, program, folder / "cohort.csv", preset, output, "1"]
        child = subprocess.Popen(list(map(str, command)), env=environment)
        while child.poll() is None and _lines(log) < goal:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.02))
        if goal < 99:
            child.kill()
        child.wait()
        journal = output.with_suffix(".journal")
        if goal < 99 and journal.exists() and journal.read_bytes().count(b"\n") > 1:
            journal.write_bytes(journal.read_bytes()[:-5])
            cuts += 1
    assert cuts
    assert child.returncode == 0
    assert written(folder)["f.csv"] == expected["f.csv"]
    assert written(folder)["f.run.json"] == expected["f.run.json"]
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "f.csv", "f.failures.csv", "f.journal", "f.lock", "f.run.json",
    ]  # fmt: skip
    computed = Counter(log.read_text().split())
    # Twelve rows, one of which has no image; what was cut or under way when killed is computed again, nothing else.
    assert len(computed) == 11
    assert max(computed.values()) <= 4
    in_flight = 3 * 2
    failing = max(computed.values())
    assert sum(computed.values()) <= 11 + cuts + in_flight + failing


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_second_readers_and_perturbed_outlines_serve_agreement(folder, preset, capsys):
    rows = [row | {"reader": reader} for reader in ("A", "B") for row in tables.read_rows(folder / "cohort.csv")[:4]]
    for i, row in enumerate(rows[4:]):
        shutil.copy(folder / f"{(i + 1) % 4}_mask.nrrd", folder / f"B{i}_mask.nrrd")
        row["mask"] = f"B{i}_mask.nrrd"
    tables.write_rows(folder / "cohort.csv", rows)
    found = {}
    for perturb in (0, 2):
        output = folder / f"f{perturb}.csv"
        command = ["extract", "--cohort", folder / "cohort.csv", "--preset", preset, "--perturb", perturb]
        assert command_line.main([str(each) for each in (*command, "--output", output)]) == 0
        assert command_line.main(["stability", "--features", str(output), "--output", str(folder / "icc.csv")]) == 0
        found[perturb] = Counter(row["reader"] for row in tables.read_rows(output))
    assert found[0] == {"A": 4, "B": 4}
    assert found[2] == {"A": 4, "B": 4, "perturbed-01": 4, "perturbed-02": 4}
    told = capsys.readouterr().out
    assert "ICC(2,1)" in told
    assert "ICC(1,1)" in told


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(folder, preset, expected, monkeypatch):
    distributed = pytest.importorskip("distributed")
    mark = folder / "mark"
    monkeypatch.setenv("MARK_OF_THE_FIRST", str(mark))
    monkeypatch.setattr(batch, "compute", tasks.compute_ending_the_first_process)
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        done = run(folder, preset, scheduler=cluster.scheduler_address)
    assert mark.exists()
    assert done.computed == 10
    assert written(folder)["f.csv"] == expected["f.csv"]
    journal = (folder / "out" / "f.journal").read_bytes().splitlines()[1:]
    assert len({line.split()[1] for line in journal}) == len(journal) == 10


def test_the_journal_names_no_patient_and_no_file(folder, preset):
    run(folder, preset)
    journal = (folder / "out" / "f.journal").read_bytes()
    assert "Ö".encode() not in journal
    assert b"nrrd" not in journal
    first = journal.splitlines()[1].split(b" ", 2)[2]
    assert set(json.loads(first)["outlines"][0]) == {"reader", "cells", "source"}
