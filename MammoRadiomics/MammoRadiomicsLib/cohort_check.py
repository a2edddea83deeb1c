"""Everything that is wrong with a cohort.csv, found before any work starts."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from . import intake
from .cohort import is_file, locate
from .errors import InputError
from .lesions import HER2_CLASSES
from .slices import PLAUSIBLE_SPACING_MM, refuse_implausible_spacing
from .tables import KEY_COLUMNS, Row, lesion_key

ERROR, WARNING = "error", "warning"
# What these columns hold decides whether features can be had; the others concern training.
EXTRACTION_COLUMNS = (*KEY_COLUMNS, "image", "mask", "label", "pixel_spacing_mm")
CODES = {
    "laterality": ("L", "R"),
    "view": ("CC", "MLO"),
    "slnm": ("0", "1"),
    "her2": HER2_CLASSES,
    "her2_ihc": ("0", "1+", "2+", "3+"),
    "her2_fish": ("negative", "positive"),
}
OUTCOMES = ("slnm", "her2", "her2_ihc", "her2_fish")
# Files that start, go on and end alike are compared whole.
_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True)
class Problem:
    """Something wrong with a cohort.

    Parameters
    ----------
    row : int or None
        Where the row stands in the file, the header being row 1; None for the table as a whole.
    column : str
        Where to look.
    problem, remedy : str
        What is wrong, and what to do.
    severity : {"error", "warning"}
        An error makes the row, or the whole table, unusable.
    """

    row: int | None
    column: str
    problem: str
    remedy: str
    severity: str = ERROR

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


def check(
    rows: list[Row],
    folder: str | Path,
    *,
    numbers: list[int] | None = None,
    spacing_mm: float | None = None,
    resamples: bool | None = None,
) -> list[Problem]:
    """Find every problem of a cohort.

    Parameters
    ----------
    rows : list of dict
        As :func:`.tables.read_rows` gives them, paths as they are written there.
    folder : path
        What relative paths are relative to: the folder of the table.
    numbers : list of int, optional
        Where each row stands in its file; 2, 3, 4 ... by default.
    spacing_mm : float, optional
        Pixel spacing in mm for rows that do not say.
    resamples : bool, optional
        Whether the preset brings images to one pixel spacing. Without an answer mixed spacings are a warning, with
        False an error.

    Returns
    -------
    list of Problem
        Those of the table first, then by row.
    """
    if spacing_mm is not None:
        refuse_implausible_spacing(spacing_mm, "images")
    if "patient_id" not in rows[0]:
        return [Problem(None, "patient_id", "The table has no column patient_id.", "Name the patients' column so.")]
    numbered = list(zip(numbers or range(2, len(rows) + 2), rows, strict=True))
    folder = Path(folder).absolute()
    found = [problem for number, row in numbered for problem in _of_row(number, row, folder)]
    for of_table in (_duplicates, _contradictions, _spellings):
        found += of_table(numbered)
    found += _shared_images(numbered, folder)
    found += _Headers(numbered, folder, spacing_mm).problems(resamples)
    return sorted(found, key=lambda each: (each.row is not None, each.row or 0))


def as_table(problems: list[Problem]) -> list[str]:
    """Return lines for a terminal: row, severity, column, then problem and remedy."""
    cells = [("row", "", "column", "problem and remedy")]
    cells += [(str(each.row or "all"), each.severity, each.column, str(each)) for each in problems]
    widths = [max(len(line[i]) for line in cells) for i in range(3)]
    return ["  ".join([*map(str.ljust, line, widths), line[3]]) for line in cells] if problems else []


def refused_rows(problems: list[Problem]) -> dict[int, str]:
    """Return why each row cannot be extracted, by its number.

    Raises
    ------
    InputError
        When the table as a whole is unusable.
    """
    reasons: dict[int, str] = {}
    for each in (each for each in problems if each.severity == ERROR):
        if each.row is None:
            raise InputError(str(each))
        if each.column in EXTRACTION_COLUMNS:
            reasons[each.row] = f"{reasons[each.row]} {each}" if each.row in reasons else str(each)
    return reasons


def _of_row(number: int, row: Row, folder: Path) -> Iterator[Problem]:
    if not row["patient_id"]:
        yield Problem(number, "patient_id", "The row has no patient_id.", "Every row needs one.")
    for column, codes in CODES.items():
        value = row.get(column, "")
        if value and value not in codes:
            yield Problem(number, column, f"{value!r} is no {column}.", f"Use {', '.join(codes)} or leave it empty.")
    if not re.fullmatch(r"([1-9]\d{0,8})?", row.get("label", "")):
        yield Problem(
            number, "label", f"{row['label']!r} is no label.", "Give the whole number that the lesion has in the mask."
        )
    if row.get("her2_ihc") == "2+" and not row.get("her2_fish") and not row.get("her2"):
        yield Problem(number, "her2_fish", "IHC 2+ without FISH is no HER2 result.", "It will not train.", WARNING)
    yield from _of_spacing(number, row.get("pixel_spacing_mm", ""))
    yield from _of_files(number, row, folder)


def _of_spacing(number: int, text: str) -> Iterator[Problem]:
    if not text:
        return
    try:
        plausible = _is_plausible(float(text))
    except ValueError:
        remedy = "Write it with a decimal point, such as 0.07."
        yield Problem(number, "pixel_spacing_mm", f"The spacing {text!r} is not a number.", remedy)
        return
    if not plausible:
        remedy = "A mammogram's pixel measures {} to {} mm.".format(*PLAUSIBLE_SPACING_MM)
        yield Problem(number, "pixel_spacing_mm", f"The spacing {text} mm is impossible.", remedy)


def _is_plausible(spacing_mm: float) -> bool:
    smallest, largest = PLAUSIBLE_SPACING_MM
    return smallest <= spacing_mm <= largest


def _of_files(number: int, row: Row, folder: Path) -> Iterator[Problem]:
    named = [column for column in ("image", "mask") if row.get(column)]
    if not named:
        yield Problem(number, "image", "The row names no image and no mask.", "It will have no features.", WARNING)
    elif len(named) == 1:
        missing = "mask" if named == ["image"] else "image"
        yield Problem(number, missing, f"The row names no {missing} beside its {named[0]}.", f"Fill in the {missing}.")
    for column in named:
        name = row[column]
        if not is_file(locate(name, folder)):
            remedy = f"Paths are relative to the table's folder, {folder}." if not _is_absolute(name) else "Correct it."
            yield Problem(number, column, f"There is no file {name}.", remedy)
        elif _is_absolute(name):
            remedy = "Write it relative to the table, so that the cohort can move."
            yield Problem(number, column, "The path is absolute.", remedy, WARNING)


def _is_absolute(name: str) -> bool:
    return Path(name).is_absolute() or PureWindowsPath(name).is_absolute()


def _duplicates(numbered: list[tuple[int, Row]]) -> Iterator[Problem]:
    first: dict[tuple[str, ...], tuple[int, Row]] = {}
    for number, row in numbered:
        key = tuple(row.get(column) or ("1" if column == "lesion_id" else "") for column in KEY_COLUMNS)
        earlier, same = first.setdefault(key, (number, row))
        if earlier != number:
            what = "repeats" if same == row else "is the same patient, lesion, view and reader as"
            remedy = "Delete it." if same == row else "Delete one, or give it another lesion_id or reader."
            yield Problem(number, "lesion_id", f"The row {what} row {earlier}.", remedy)


def _contradictions(numbered: list[tuple[int, Row]]) -> Iterator[Problem]:
    """Outcomes belong to the lesion: two lesions of one patient may differ, two rows of one lesion may not."""
    first: dict[tuple, tuple[int, str]] = {}
    for number, row in numbered:
        for column in (column for column in OUTCOMES if row.get(column)):
            earlier, value = first.setdefault((column, lesion_key(row)), (number, row[column]))
            if value != row[column]:
                yield Problem(
                    number,
                    column,
                    f"The lesion has the {column} {row[column]!r} here and {value!r} in row {earlier}.",
                    "Give all rows of a lesion the same, or number its lesions.",
                )


def _spellings(numbered: list[tuple[int, Row]]) -> Iterator[Problem]:
    """One patient under two names would be on both sides of a split."""
    first: dict[str, tuple[int, str]] = {}
    told = set()
    for number, row in numbered:
        patient = row["patient_id"]
        earlier, spelling = first.setdefault(_plain(patient), (number, patient))
        if patient and spelling != patient and patient not in told:
            told.add(patient)
            problem = f"The patient {patient!r} is written {spelling!r} in row {earlier}."
            yield Problem(number, "patient_id", problem, "If it is the same patient, write it the same way.", WARNING)


def _plain(name: str) -> str:
    """Without case, spaces, signs, leading zeros and Unicode's other ways to write a letter."""
    letters = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", letters)


def _shared_images(numbered: list[tuple[int, Row]], folder: Path) -> Iterator[Problem]:
    """The same picture of two patients: a copying error, or one patient under two names."""
    users: dict[Path, list[tuple[int, Row]]] = defaultdict(list)
    for number, row in numbered:
        if row.get("image") and is_file(locate(row["image"], folder)):
            users[locate(row["image"], folder).resolve()].append((number, row))
    for same in _equal_files(list(users)):
        rows = sorted((user for path in same for user in users[path]), key=lambda user: user[0])
        earlier, first = rows[0]
        for number, row in rows[1:]:
            if row["patient_id"] != first["patient_id"]:
                problem = f"The image is that of {first['patient_id'] or 'nobody'} in row {earlier}."
                yield Problem(number, "image", problem, "Correct the image or the patient.")


def _equal_files(paths: list[Path]) -> Iterator[list[Path]]:
    """Yield groups of equal files, each file in one; most are told apart by their size and three samples."""
    groups = [paths]
    for look in (lambda path: path.stat().st_size, _samples, _digest):
        finer: list[list[Path]] = []
        for group in groups:
            by_look: dict[object, list[Path]] = defaultdict(list)
            for path in group:
                by_look[look(path) if len(group) > 1 else None].append(path)
            finer += by_look.values()
        groups = finer
    yield from groups


def _samples(path: Path) -> bytes:
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for place in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
            file.seek(place)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.digest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


class _Headers:
    """What the images and masks of a cohort say of themselves, each file looked at once."""

    def __init__(self, numbered: list[tuple[int, Row]], folder: Path, spacing_mm: float | None):
        self._numbered, self._folder, self._spacing_mm = numbered, folder, spacing_mm
        self._inspect = functools.cache(functools.partial(intake.inspect, pixels=False))

    def problems(self, resamples: bool | None) -> Iterator[Problem]:
        """Yield what is wrong with single files, and mixtures, which change what every feature means."""
        spacings: dict[float, list[int]] = defaultdict(list)
        intents: dict[str, list[int]] = defaultdict(list)
        for number, row in self._numbered:
            image, mask = self._look(row, "image"), self._look(row, "mask")
            if image:
                yield from _of_image(number, row, image)
                intents[image.presentation_intent or ""].append(number)
            if mask:
                yield from _of_mask(number, mask, image)
            stated = self._stated_spacing(row)
            spacing = stated or (image.spacing_mm[0] if image and image.spacing_mm else None)
            if spacing and _is_plausible(spacing):
                spacings[spacing].append(number)
            elif not spacing and image and not image.refusal and stated == 0:
                remedy = "Fill in the column, or give --spacing when extracting."
                yield Problem(number, "pixel_spacing_mm", "Neither row nor image says how large a pixel is.", remedy)
        yield from _mixed_spacings(spacings, resamples)
        yield from _mixed_intents(intents)

    def _look(self, row: Row, column: str) -> intake.Intake | None:
        path = locate(row.get(column, ""), self._folder)
        return self._inspect(path) if row.get(column) and is_file(path) else None

    def _stated_spacing(self, row: Row) -> float | None:
        """Return what the row says, 0 where it says nothing, and None where that is no number."""
        try:
            return float(row.get("pixel_spacing_mm") or self._spacing_mm or 0)
        except ValueError:
            return None


def _of_image(number: int, row: Row, image: intake.Intake) -> Iterator[Problem]:
    if image.refusal:
        yield Problem(number, "image", image.refusal, "")
        return
    for column, found in (("laterality", image.laterality), ("view", image.view)):
        if found and row.get(column) and found != row[column]:
            problem = f"The row says {row[column]} and the image {found} ({image.facts[column].source})."
            yield Problem(number, column, problem, "Look at the image and correct the row, or leave it so.", WARNING)


def _of_mask(number: int, mask: intake.Intake, image: intake.Intake | None) -> Iterator[Problem]:
    size, expected = mask.value("size"), image.value("size") if image else None
    if mask.value("modality") == "SEG":
        return
    if not size:
        yield Problem(number, "mask", (mask.refusal or "").replace("The image", "The mask", 1), "")
    elif expected and list(size[:2]) != list(expected[:2]):
        sizes = "The mask has {} x {} pixels and the image {} x {}.".format(*size[:2], *expected[:2])
        yield Problem(number, "mask", sizes, "Use the mask drawn on this image.")


def _mixed_spacings(rows: dict[float, list[int]], resamples: bool | None) -> Iterator[Problem]:
    if not resamples and len(rows) > 1 and max(rows) > 1.01 * min(rows):
        listed = ", ".join(f"{spacing:g} mm ({len(rows[spacing])} rows)" for spacing in sorted(rows)[:5])
        yield Problem(
            None,
            "pixel_spacing_mm",
            f"The cohort mixes pixel spacings: {listed}.",
            "Use a preset that resamples, such as mammo-2d.",
            WARNING if resamples is None else ERROR,
        )


def _mixed_intents(rows: dict[str, list[int]]) -> Iterator[Problem]:
    known = {intent: numbers for intent, numbers in rows.items() if intent}
    if len(known) > 1:
        listed = ", ".join(f"{len(numbers)} {intent}" for intent, numbers in sorted(known.items()))
        problem = f"The cohort mixes images for processing and for presentation ({listed})."
        yield Problem(None, "image", problem, "Their grey levels mean different things; use one kind.", WARNING)
