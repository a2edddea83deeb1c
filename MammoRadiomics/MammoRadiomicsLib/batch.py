"""Features of a whole cohort: in parallel, kept outline by outline, resumed where they stopped.

Beside ``features.csv`` lies ``features.journal`` (see :mod:`.journal`), which keeps each finished outline under a key
made of everything that its features depend on. A later run computes only what is not there, and the table is put
together from the journal in the order of the cohort: the same bytes whatever the order, the number of processes or the
interruptions. Failures are not kept; a later run tries them again.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import glob
import hashlib
import io
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import extraction
from .errors import InputError, MammoRadiomicsError
from .files import write_atomically
from .journal import Journal
from .parallel import ProcessEnded, unordered
from .presets import Preset
from .progress import Progress, silent
from .slices import refuse_implausible_spacing
from .tables import KEY_COLUMNS, ROI_COLUMNS, Row, case_name, rows_to_csv, spacing_of

log = logging.getLogger(__name__)
# Counted up when equal keys would no longer mean equal results.
_KEY_FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """How a cohort is extracted.

    Parameters
    ----------
    spacing_mm : float, optional
        Pixel spacing in mm for rows that do not say.
    perturb : int
        Perturbed outlines of each of the first reader's, as further rows whose reader is ``perturbed-01`` and so on.
    jobs : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler whose workers compute instead; they must see the same files under the same paths
        and have this library.
    """

    spacing_mm: float | None = None
    perturb: int = 0
    jobs: int = 1
    scheduler: str | None = None

    def validate(self) -> None:
        """Raise InputError for the first setting that makes no sense."""
        if self.jobs < 1:
            raise InputError(f"{self.jobs} processes cannot compute anything; ask for at least 1 (--jobs).")
        if self.scheduler and self.jobs != 1:
            raise InputError("The scheduler's workers compute, not processes of this machine: leave --jobs out.")
        if self.perturb < 0:
            raise InputError(f"{self.perturb} perturbed outlines cannot be made; ask for 0 or more (--perturb).")
        if self.spacing_mm is not None:
            refuse_implausible_spacing(self.spacing_mm, "images")


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Parameters
    ----------
    rows : int
        Outlines in the table, perturbed ones included.
    computed, kept : int
        Rows of the cohort that were computed now, and that were there from before.
    failures : list of dict
        ``row`` and ``reason``.
    notes : list of str
        One for each outline of which something must be said.
    """

    rows: int
    computed: int
    kept: int
    failures: list[dict]
    notes: list[str]


@dataclass(frozen=True)
class Case:
    """One row of the cohort on its way; `key` stands for everything that its features depend on."""

    row: Row
    key: str
    preset: Preset
    spacing_mm: float | None
    perturb: int


def extract(
    cohort: list[Row],
    preset: Preset,
    output: str | Path,
    settings: Settings | None = None,
    *,
    numbers: list[int] | None = None,
    refused: dict[int, str] | None = None,
    progress: Progress = silent,
) -> Summary:
    """Extract the features of a cohort and write features.csv, features.failures.csv and features.run.json.

    Parameters
    ----------
    cohort : list of dict
        As :func:`.cohort.located` gives it: paths absolute.
    preset : Preset
        What to extract.
    output : path
        The features.csv; the other files are named after it.
    settings : Settings, optional
        How.
    numbers : list of int, optional
        Where each row stands in the cohort's file; 2, 3, 4 ... by default.
    refused : dict of int to str, optional
        Rows by their number that must not be tried, and why.
    progress : callable
        Called after each row of the cohort, with the time that is left.

    Raises
    ------
    InputError
        When another run writes the same output, the disk is full, or a scheduler does not answer.
    DependencyError
        When a package is missing.
    """
    settings = settings or Settings()
    settings.validate()
    output = Path(output)
    if output in bookkeeping(output):
        raise InputError(f"{output} is the name of a file that runs need for themselves. Let it end in .csv.")
    numbered = dict(zip(numbers or range(2, len(cohort) + 2), cohort, strict=True))
    failures = {number: f"{case_name(numbered[number])}: {reason}" for number, reason in (refused or {}).items()}
    with _only_run(output), Journal(bookkeeping(output)[0]) as journal:
        _remove_leftovers(output)
        run = _Run(numbered, preset, settings, failures, journal, progress)
        run.plan()
        kept = sum(case.key in journal for case in run.cases.values())
        run.compute()
        return run.write(output, kept)


@contextlib.contextmanager
def _only_run(output: Path) -> Iterator[None]:
    """Hold a lock that the operating system releases with the process, however it ends."""
    import filelock

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {output.parent} cannot be made ({error.strerror}). Choose another.") from error
    lock = filelock.FileLock(bookkeeping(output)[1], timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise InputError(
            f"Another run is writing {output}. Wait for it, or give another name to the output."
        ) from error
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror}). Choose another folder.") from error
    try:
        yield
    finally:
        lock.release()


def _remove_leftovers(output: Path) -> None:
    """Remove what a run that was killed while it wrote a table has left: nobody else writes under these names now."""
    for path in outputs(output):
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.*"):
            leftover.unlink(missing_ok=True)


def outputs(output: Path) -> list[Path]:
    """Return the files that a run writes for its reader: the table, the failures and the conditions."""
    return [output, output.with_suffix(".failures.csv"), output.with_suffix(".run.json")]


def bookkeeping(output: Path) -> list[Path]:
    """Return the files that runs use among themselves: the journal and the lock."""
    return [output.with_suffix(".journal"), output.with_suffix(".lock")]


@dataclass
class _Run:
    """One run over a cohort: its rows by number, what became of them, and the journal."""

    cohort: dict[int, Row]
    preset: Preset
    settings: Settings
    failures: dict[int, str]
    journal: Journal
    progress: Progress
    cases: dict[int, Case] = field(default_factory=dict)

    def plan(self) -> None:
        """Make a case of every row that can be tried."""
        digest = functools.cache(_file_digest)
        versions = {name: version for name, version in extraction.versions().items() if name != "python"}
        first_reader = next(iter(self.cohort.values())).get("reader", "")
        last_report = time.monotonic()
        for i, (number, row) in enumerate(self.cohort.items(), start=1):
            if number in self.failures:
                continue
            perturb = self.settings.perturb if row.get("reader", "") == first_reader else 0
            try:
                spacing_mm = spacing_of(row) or self.settings.spacing_mm
                files = [digest(row[column]) for column in ("image", "mask")]
            except (InputError, OSError, KeyError) as error:
                self.failures[number] = _why_unreadable(row, error)
                continue
            of_row = [*files, row.get("label") or "1", spacing_mm, perturb]
            key = _key([_KEY_FORMAT, *of_row, self.preset.digest, versions])
            self.cases[number] = Case(row, key, self.preset, spacing_mm, perturb)
            if time.monotonic() - last_report > 1:
                last_report = time.monotonic()
                self.progress(0, len(self.cohort), f"compared {i} of {len(self.cohort)} rows with what is kept")

    def compute(self) -> None:
        """Compute what the journal does not hold yet, and keep each result as it comes."""
        same: dict[str, list[int]] = {}
        for number, case in self.cases.items():
            if case.key not in self.journal:
                same.setdefault(case.key, []).append(number)
        total = len(self.cohort)
        done = total - sum(map(len, same.values()))
        if done:
            self.progress(done, total, f"{done} rows are kept from before or cannot be tried")
        waiting = [self.cases[numbers[0]] for numbers in same.values()]
        clock = _Clock(len(waiting))
        # Closed at once when the run is stopped, so that no process goes on for nobody.
        with contextlib.closing(unordered(compute, waiting, self.settings.jobs, self.settings.scheduler)) as results:
            for case, result in results:
                self._keep(case, result, same[case.key])
                done += len(same[case.key])
                self.progress(done, total, case_name(case.row) + clock.remaining())

    def _keep(self, case: Case, result: dict | ProcessEnded, numbers: list[int]) -> None:
        if isinstance(result, ProcessEnded):
            self.failures.update(dict.fromkeys(numbers, f"{case_name(case.row)}: {result}"))
        elif "failure" in result:
            self.failures.update(dict.fromkeys(numbers, result["failure"]))
        else:
            self.journal.append(case.key, result)

    def write(self, output: Path, kept: int) -> Summary:
        """Write the table in the order of the cohort, and what belongs beside it."""
        finished = [case for number, case in self.cases.items() if number not in self.failures]
        listed = [{"row": number, "reason": self.failures[number]} for number in sorted(self.failures)]
        sources: list[dict] = []
        if finished:
            write_atomically(output, _table(finished, self.journal, self.preset, sources))
            record = extraction.conditions(self.preset, sources, len(listed))
            write_atomically(output.with_suffix(".run.json"), json.dumps(record, indent=1) + "\n")
        failures = rows_to_csv(listed) if listed else extraction.NO_FAILURES
        write_atomically(output.with_suffix(".failures.csv"), failures)
        notes = [source["notes"][0] for source in sources if source["notes"]]
        return Summary(len(sources), len(finished) - kept, kept, listed, notes)


def _key(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _why_unreadable(row: Row, error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        return f"{case_name(row)}: {error.filename} cannot be read ({error.strerror}). Check the path."
    return f"{case_name(row)}: The cohort names no {error.args[0]}. Fill in the column {error.args[0]}."


def _file_digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Clock:
    """Estimates the time that is left from the time taken so far."""

    def __init__(self, total: int):
        self._start, self._left, self._done = time.monotonic(), total, 0

    def remaining(self) -> str:
        """Count one more as done and say how long the others will take."""
        self._done, self._left = self._done + 1, self._left - 1
        seconds = (time.monotonic() - self._start) / self._done * self._left
        if not self._left:
            return ""
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"


def compute(case: Case) -> dict:
    """Extract one row of a cohort; whatever goes wrong with it is its result, but not a missing package.

    Returns
    -------
    dict
        ``outlines``: of the outline and its perturbed variants each the ``reader`` (empty for the outline's own), the
        ``cells`` that follow the preset in features.csv, and its ``source``; or ``failure``, a sentence.
    """
    row = case.row
    try:
        found = list(extraction.rows_of_outline(row, case.preset, case.spacing_mm, case.perturb))
    except InputError as error:
        return {"failure": f"{case_name(row)}: {error}"}
    except MammoRadiomicsError:
        raise
    except Exception as error:
        log.exception("%s failed", case_name(row))
        return {
            "failure": f"{case_name(row)}: unexpected {type(error).__name__} ({error}). This is a defect of the "
            "software; please report it."
        }
    return {"outlines": [_to_keep(row, *each) for each in found]}


def _to_keep(row: Row, features: dict, source: dict) -> dict:
    reader = features["reader"] if features["reader"] != row.get("reader", "") else ""
    identity = {*KEY_COLUMNS, "preset"}
    cells = ",".join(str(value) for name, value in features.items() if name not in identity)
    return {
        "reader": reader,
        "cells": cells,
        "source": {name: value for name, value in source.items() if name not in identity},
    }


def _table(cases: list[Case], journal: Journal, preset: Preset, sources: list[dict]) -> Iterator[str]:
    """Yield the lines of features.csv, and add the source of each to `sources`."""
    yield _csv_line([*KEY_COLUMNS, *ROI_COLUMNS, *preset.feature_names()]) + "\n"
    for case in cases:
        for outline in journal[case.key]["outlines"]:
            keys = extraction.identity(case.row)
            keys["reader"] = outline["reader"] or keys["reader"]
            sources.append(keys | outline["source"])
            yield f"{_csv_line([*keys.values(), preset.name])},{outline['cells']}\n"


def _csv_line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
