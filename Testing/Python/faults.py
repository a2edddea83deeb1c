"""Faults and how one is tried: a folder that works, one thing broken in it, a command, and what has to come of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from made_up import a_table
from made_up_model import a_model, features_of
from MammoRadiomicsLib import command_line, model_file, phantoms, presets, tables

# Few features, so that an outline takes milliseconds.
QUICK_PRESET = """imageType: {Original: {}}
featureClass: {shape2D: [], firstorder: []}
setting: {force2D: true, binCount: 32}
"""
QUICK_TRAINING = "--folds 2 --calibration-folds 2 --lasso-folds 2 --alpha-count 5"
BEFORE = "what was there before\n"
# What commands of the faults write; each exists already, so that a loss shows.
OUTPUTS = ("f.csv", "f.failures.csv", "f.run.json", "icc.csv", "m.mammomodel", "p.json", "p.csv", "report/report.html")


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Parameters
    ----------
    command : str
        As typed after ``python -m MammoRadiomicsLib``, in the folder.
    case : str
        What is wrong, for the table.
    says : str
        Part of the sentence that the user reads; where the exit code is not 2, on standard output or in a new file.
    breaks : callable
        Breaks the folder.
    code : int
        Exit code: 2, or 1 where some cases fail.
    leaves : tuple of str
        Files that are new or different afterwards, ``folder/`` for any in a folder; all others are as they were.
    """

    command: str
    case: str
    says: str
    breaks: Callable[[Path], object] = lambda folder: None
    code: int = 2
    leaves: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {self.case}"

    @property
    def where(self) -> str:
        """The command's name, as the table groups by it."""
        words = self.command.split() or ["no command"]
        kind = {"extract": "--cohort", "predict": "--features"}.get(words[0])
        if words[0] == "cohort":
            return " ".join(words[:2])
        return f"{words[0]} {kind}" if kind in words else words[0]

    def told_by(self, outcome: Outcome, folder: Path) -> str:
        """Return what the user reads of it: the sentence, or the line of the output or of a new file that has it."""
        if self.code == 2:
            return " ".join(outcome.sentences).removeprefix("MammoRadiomics: ")
        new = [(folder / name).read_text("utf-8", "replace") for name in outcome.changed if (folder / name).is_file()]
        lines = [line for text in (outcome.out, *new) for line in text.splitlines()]
        return next((line for line in lines if self.says in line), outcome.out)

    def allows(self, changed: tuple[str, ...]) -> bool:
        """Whether these may have changed, and all that must have."""
        folders = tuple(name for name in self.leaves if name.endswith("/"))
        files = {name for name in changed if not (folders and name.startswith(folders))}
        return files == set(self.leaves) - set(folders)


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, what it said, and which files are new, different or gone."""

    code: int
    out: str
    err: str
    changed: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        """Lines of standard error without progress and argparse's usage."""
        return [line for line in self.err.splitlines() if not line.startswith(("[", "usage:", " "))]


def fill(folder: Path) -> None:
    """Write a cohort of four outlines, tables of features, a clinical table, a model, and earlier outputs."""
    rows = []
    for i in range(4):
        image, mask = phantoms.mammogram(i, size=(70, 60), diameter_mm=1.5)
        sitk.WriteImage(image, str(folder / f"{i}.nrrd"))
        sitk.WriteImage(mask, str(folder / f"{i}_mask.nrrd"))
        files = {"image": f"{i}.nrrd", "mask": f"{i}_mask.nrrd"}
        keys = {"patient_id": f"P{i}", "laterality": "L", "view": "CC"}
        rows.append(keys | files | {"label": "1", "pixel_spacing_mm": "", "slnm": str(i % 2)})
    tables.write_rows(folder / "cohort.csv", rows)
    (folder / "quick.yaml").write_text(QUICK_PRESET)
    _write_features(folder)
    model_file.save(a_model(), folder / "good.mammomodel")
    tables.write_rows(folder / "repeated.csv", _repeated())
    tables.write_rows(folder / "clinical.csv", _clinical())
    for name in OUTPUTS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(BEFORE)


def _write_features(folder: Path) -> None:
    """Write features with an outcome to train on, and features of two views that the model can be applied to."""
    table = a_table(lesions=12, features=4, views=("CC",))
    rows = [
        row | dict(zip(table.names, values.tolist(), strict=True))
        for row, values in zip(table.rows, table.values, strict=True)
    ]
    tables.write_rows(folder / "features.csv", rows)
    keys = {"patient_id": "P1", "preset": "study-1409", "pixel_spacing_mm": "0.1"}
    rows = [
        {**keys, "patient_id": f"P{i // 2}", "view": ("CC", "MLO")[i % 2], **features_of(a_model())} for i in range(4)
    ]
    tables.write_rows(folder / "new.csv", rows)


def _repeated() -> list[dict]:
    names = presets.load("study-1409").feature_names()[14:18]
    return [
        {"patient_id": f"P{i}", "view": "CC", "reader": reader} | {name: 10 * i + k + j for k, name in enumerate(names)}
        for i in range(6)
        for j, reader in enumerate("AB")
    ]


def _clinical() -> list[dict]:
    return [
        {"patient_id": f"P{i}", "age": 40 + (i * 7) % 30, "density": "ABCD"[i % 4], "slnm": (i // 3) % 2}
        for i in range(40)
    ]


def run(folder: Path, command: str, during: contextlib.AbstractContextManager | None = None) -> Outcome:
    """Give a command in a folder, `during` a fault of the system, and see what becomes of both."""
    before = contents(folder)
    out, err = io.StringIO(), io.StringIO()
    told = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with contextlib.chdir(folder), told[0], told[1], during or contextlib.nullcontext():
        try:
            code = command_line.main(shlex.split(command))
        except SystemExit as ended:
            code = ended.code
    after = contents(folder)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return Outcome(code, out.getvalue(), err.getvalue(), tuple(changed))


def check(fault: Fault, folder: Path, record_property: Callable) -> None:
    """Try a fault in a folder that works, hold the outcome against what is expected, and record it for the table."""
    fault.breaks(folder)
    outcome = run(folder, fault.command)
    record_property("fault", [fault.where, fault.case, fault.told_by(outcome, folder), ", ".join(outcome.changed)])
    assert "Traceback" not in outcome.err
    assert outcome.code == fault.code, outcome.out + outcome.err
    if fault.code == 2:
        (sentence,) = outcome.sentences
        assert sentence.startswith("MammoRadiomics: ")
        assert sentence.endswith((".", "'"))
    assert fault.says in fault.told_by(outcome, folder)
    assert fault.allows(outcome.changed), outcome.changed


def contents(folder: Path) -> dict[str, str]:
    """Return what a folder and the folders in it hold: a digest of each file, where each link leads."""
    found = {}
    for place, folders, names in os.walk(folder):
        for path in (Path(place) / name for name in (*folders, *names)):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found[name] = f"link to {path.readlink()}"
            elif path.is_file():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                found[name] = "folder"
    return found


def write(name: str, content: str | bytes) -> Callable[[Path], object]:
    """Return what puts a file into the place of another."""
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    """Return what replaces text in a file, once; the text must be there."""

    def do(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return do


def remove(name: str) -> Callable[[Path], object]:
    """Return what deletes a file."""
    return lambda folder: (folder / name).unlink()


def link(name: str, target: str) -> Callable[[Path], object]:
    """Return what puts a symbolic link into the place of a file."""

    def do(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return do


def pixels(name: str, change: Callable) -> Callable[[Path], object]:
    """Return what changes the pixels of an image; `change` takes and returns a SimpleITK image."""
    return lambda folder: sitk.WriteImage(change(sitk.ReadImage(str(folder / name))), str(folder / name))


def cut(name: str, count: int) -> Callable[[Path], object]:
    """Return what takes the last bytes of a file away."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-count])


def a_folder(name: str) -> Callable[[Path], object]:
    """Return what puts a folder into the place of a file."""
    return lambda folder: [(folder / name).unlink(missing_ok=True), (folder / name).mkdir()]
