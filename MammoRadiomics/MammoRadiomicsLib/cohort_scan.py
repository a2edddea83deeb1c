"""A cohort proposed from a folder: which mask belongs to which image, and which images to which patient.

Names and DICOM headers are all that a folder says. What they do not say is left to a person, and told.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from . import intake, views
from .dicom import dicom_header
from .errors import InputError
from .progress import Progress, silent
from .slices import FORMATS_WITHOUT_GEOMETRY
from .tables import KEY_COLUMNS, Row, write_rows

SUFFIXES = FORMATS_WITHOUT_GEOMETRY | {".dcm", ".dicom", ".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz"}
COLUMNS = (*KEY_COLUMNS, "image", "mask", "label", "pixel_spacing_mm", "slnm", "her2")
_HOW_TO_NAME = (
    "Name a mask after its image, such as a.png and a_mask.png, or put them under the same names into the folders "
    "images and masks."
)
# A mask has a value for each lesion; more are the traces of a lossy format.
MOST_LABELS = 20
_MASK = "mask|masks|seg|segs|segmentation|segmentations|label|labels|labelmap|labelmaps|roi|rois|lesion|outline|contour"
_MASK_AT_END = re.compile(rf"(?i)(?:^|[\s._-]+)(?:{_MASK})(?:[\s._-]*\d+)?$")
_MASK_AT_START = re.compile(rf"(?i)^(?:{_MASK})[\s._-]+")
_MASK_FOLDER = re.compile(rf"(?i)(?:^|[\W_])(?:{_MASK}|annotation|annotations)(?:$|[\W_])")
_IMAGE_FOLDER = re.compile(
    r"(?i)(?:^|[\W_])(?:image|images|img|imgs|mammogram|mammograms|original|originals)(?:$|[\W_])"
)
_SIDE_AND_VIEW = re.compile(r"(?i)(l|r|left|right)?(cc|mlo)?")


@dataclass(frozen=True)
class Identifiers:
    """Whom a DICOM file shows and which images it refers to; empty for other files. Never written anywhere."""

    patient: str = ""
    study: str = ""
    instance: str = ""
    refers_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """An image or a mask that was found.

    Parameters
    ----------
    path : pathlib.Path
        Where it is.
    place : tuple of str
        Folders between the scanned one and the file, without those that only say images or masks.
    stem : str
        Its name without suffix and without what only says that it is a mask.
    folder : str
        The folder that says masks, if one does.
    is_mask : bool
        Whether its name, its folder or its DICOM modality says so.
    known : Intake
        What it says of itself.
    dicom : Identifiers
        Whom a DICOM file shows.
    """

    path: Path
    place: tuple[str, ...]
    stem: str
    folder: str
    is_mask: bool
    known: intake.Intake
    dicom: Identifiers


@dataclass(frozen=True)
class Outline:
    """An image with one label of a mask, or without any."""

    image: File
    mask: File | None = None
    label: int | None = None


@dataclass
class Proposal:
    """A cohort to be corrected by hand.

    Parameters
    ----------
    rows : list of dict
        Of the cohort.
    left_out : list of dict
        ``file`` and ``reason`` of what could not be paired.
    notes : list of str
        What a person has to look at.
    """

    rows: list[Row]
    left_out: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def write(self, path: str | Path) -> None:
        """Write cohort.csv, and beside it cohort.left_out.csv where something could not be paired."""
        path = Path(path)
        write_rows(path, self.rows)
        if self.left_out:
            write_rows(path.with_suffix(".left_out.csv"), self.left_out)

    def summary(self) -> str:
        """Say in a few lines what was found and what was not."""
        patients = len({row["patient_id"] for row in self.rows})
        views = Counter((row["laterality"] + " " + row["view"]).strip() or "no view" for row in self.rows)
        counted = ", ".join(f"{views[view]} {view}" for view in sorted(views))
        lines = [f"{len(self.rows)} outlines of {patients} patients ({counted})", *self.notes]
        reasons = Counter(row["reason"] for row in self.left_out)
        lines += [f"{times} files left out: {reason}" for reason, times in reasons.most_common(10)]
        return "\n".join(lines)


def scan(folder: str | Path, relative_to: str | Path | None = None, progress: Progress = silent) -> Proposal:
    """Propose a cohort from the images and masks of a folder and of the folders in it.

    A mask is named after its image (``x_mask``, ``x-label``, ``x_seg``, ``x.seg``, ``mask_x``, also with a number),
    lies under the same name in a folder of masks, or is a DICOM segmentation that refers to it. Without any mask the
    images are proposed alone. Patients come from the DICOM patient or study, else from the first part of the name that
    has a digit and is not the same in all names; the codes P0001 ... replace them.

    Parameters
    ----------
    folder : path
        To look through.
    relative_to : path, optional
        Where the cohort.csv will be; the scanned folder by default.
    progress : callable
        Called after each file.

    Raises
    ------
    InputError
        When the folder does not exist, or holds no image, or masks of which none can be used.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}. Check the path.")
    base = Path(relative_to if relative_to is not None else folder)
    proposal = Proposal([])
    files = list(_files(folder, base, proposal, progress))
    if any(each.is_mask for each in files):
        pairs = _pairs(files, base, proposal)
    else:
        pairs = [Outline(each) for each in files]
        proposal.notes.append("There are no masks. Outline the lesions, then fill in mask and label, or scan again.")
    if not pairs:
        first = (
            " The first file left out, {file}: {reason}.".format(**proposal.left_out[0]) if proposal.left_out else ""
        )
        raise InputError(f"{folder} holds no image with a mask that fits. {_HOW_TO_NAME}{first}")
    proposal.rows += _rows(pairs, base, proposal)
    return proposal


def _files(folder: Path, base: Path, proposal: Proposal, progress: Progress) -> Iterator[File]:
    paths = [path for path in sorted(_walk(folder)) if _is_image_file(path)]
    for i, path in enumerate(paths, start=1):
        try:
            yield _file(path, folder)
        except InputError as error:
            _leave_out(proposal, path, base, str(error).removeprefix(f"The image {path.name} "))
        progress(i, len(paths), path.name)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in names if not name.startswith("."))


def _split(name: str) -> tuple[str, str]:
    """Return stem and suffix; ``.nii.gz`` is one suffix, and a DICOM instance's ``1.2.840`` has none."""
    for length in (2, 1):
        suffix = "".join(Path(name).suffixes[-length:]).lower()
        if suffix in SUFFIXES:
            return name[: -len(suffix)], suffix
    return name, ""


def _is_image_file(path: Path) -> bool:
    if _split(path.name)[1]:
        return True
    try:
        return dicom_header.is_dicom(path)
    except InputError:
        return False


def _file(path: Path, folder: Path) -> File:
    known = intake.inspect(path, pixels=False)
    is_segmentation = known.value("modality") == "SEG"
    if not known.value("size") and not is_segmentation:
        raise InputError(known.refusal or "it is no image")
    stem, _ = _split(path.name)
    bare = _MASK_AT_START.sub("", _MASK_AT_END.sub("", stem))
    parents = path.relative_to(folder).parts[:-1]
    mask_folders = [part for part in parents if _MASK_FOLDER.search(part)]
    place = tuple(part for part in parents if not (_MASK_FOLDER.search(part) or _IMAGE_FOLDER.search(part)))
    is_mask = bool(bare != stem or mask_folders or is_segmentation)
    dicom = _identifiers(path) if dicom_header.is_dicom(path) else Identifiers()
    return File(path, place, bare if is_mask else stem, "/".join(mask_folders), is_mask, known, dicom)


def _identifiers(path: Path) -> Identifiers:
    header = dicom_header.read(path, path.name)
    own = header.text("PatientID"), header.text("StudyInstanceUID"), header.text("SOPInstanceUID")
    if header.text("Modality") != "SEG":
        return Identifiers(*own)
    whole = dicom_header.Header(dicom_header.read_whole(path, path.name))
    instances = [
        instance.text("ReferencedSOPInstanceUID")
        for series in whole.items("ReferencedSeriesSequence")
        for instance in series.items("ReferencedInstanceSequence")
    ]
    return Identifiers(*own, tuple(instances))


def _leave_out(proposal: Proposal, path: Path, base: Path, reason: str) -> None:
    proposal.left_out.append({"file": _relative(path, base), "reason": reason})


def _relative(path: Path, base: Path) -> str:
    try:
        return Path(os.path.relpath(path, base)).as_posix()
    except ValueError:  # another drive of Windows
        return str(path.absolute())


def _pairs(files: list[File], base: Path, proposal: Proposal) -> list[Outline]:
    """Find the image of each mask."""
    images: dict[tuple, list[File]] = defaultdict(list)
    by_instance = {}
    for each in (each for each in files if not each.is_mask):
        images[each.place, each.stem].append(each)
        by_instance[each.dicom.instance] = each
    pairs, used = [], set()
    for mask in (each for each in files if each.is_mask):
        try:
            image = _image_of(mask, images[mask.place, mask.stem], by_instance)
            labels = _labels(mask)
        except InputError as error:
            _leave_out(proposal, mask.path, base, str(error))
            continue
        used.add(image.path)
        pairs += [Outline(image, mask, label) for label in labels]
    for each in files:
        if not each.is_mask and each.path not in used:
            _leave_out(proposal, each.path, base, "an image without a mask")
    return pairs


def _image_of(mask: File, candidates: list[File], by_instance: dict[str, File]) -> File:
    referred = [by_instance[each] for each in mask.dicom.refers_to if each in by_instance]
    candidates = referred or candidates
    if not candidates:
        raise InputError("a mask without an image of that name")
    fitting = candidates if referred else [each for each in candidates if _size(each) == _size(mask)]
    if not fitting:
        raise InputError("a mask of {} x {} pixels, its image {} x {}".format(*_size(mask), *_size(candidates[0])))
    if len(fitting) > 1:
        raise InputError("a mask that fits several images of that name")
    return fitting[0]


def _size(file: File) -> list[int]:
    return list(file.known.value("size") or (0, 0))[:2]


def _labels(mask: File) -> list[int]:
    if mask.known.value("modality") == "SEG":
        whole = dicom_header.Header(dicom_header.read_whole(mask.path, mask.path.name))
        return [number for each in whole.items("SegmentSequence") if (number := each.integer("SegmentNumber"))]
    image = intake.read_mask(mask.path)
    labels = [int(value) for value in np.unique(sitk.GetArrayViewFromImage(image)) if value > 0]
    if not labels:
        raise InputError("an empty mask")
    if len(labels) > MOST_LABELS:
        raise InputError(f"a mask with more than {MOST_LABELS} values, as JPEG leaves them; save masks without loss")
    return labels


@dataclass(frozen=True)
class _Identity:
    patient: tuple[str, str]
    laterality: str
    view: str


def _rows(outlines: list[Outline], base: Path, proposal: Proposal) -> list[Row]:
    identities = _identities([each.image for each in outlines])
    readers = {each.mask.folder for each in outlines if each.mask and each.mask.folder}
    codes: dict[tuple[str, str], str] = {}
    lesions: Counter = Counter()
    rows = []
    for each in outlines:
        who = identities[each.image.path]
        code = codes.setdefault(who.patient, f"P{len(codes) + 1:04d}")
        reader = each.mask.folder if each.mask and len(readers) > 1 else ""
        lesions[key := (code, who.laterality, who.view, reader)] += 1
        mask = _relative(each.mask.path, base) if each.mask else ""
        cells = (code, str(lesions[key]), *key[1:], _relative(each.image.path, base), mask, str(each.label or ""))
        rows.append(dict.fromkeys(COLUMNS, "") | dict(zip(COLUMNS, cells, strict=False)))
    proposal.notes += _notes(outlines, identities, rows)
    return sorted(rows, key=lambda row: [row[column] for column in ("patient_id", "reader", "laterality", "view")])


def _notes(outlines: list[Outline], identities: dict[Path, _Identity], rows: list[Row]) -> Iterator[str]:
    images = {each.image.path: each.image for each in outlines}
    named = [path for path in images if identities[path].patient[0] == "name"]
    if named:
        yield (
            f"{len(named)} images have no DICOM patient; theirs was read from the file name, such as "
            f"{identities[named[0]].patient[1]!r} from {named[0].name}. One patient under two codes would spoil "
            "every test."
        )
    unknown = sum(not (row["laterality"] and row["view"]) for row in rows)
    if unknown:
        yield f"{unknown} outlines have no side or no view in their names or headers. Fill in laterality and view."
    further = sum(row["lesion_id"] != "1" for row in rows)
    if further:
        yield (
            f"{further} outlines are further ones of the same patient, side and view and are numbered as further "
            "lesions. Give both views of a lesion the same lesion_id."
        )
    without = sum(image.known.spacing_mm is None for image in images.values())
    if without:
        yield f"{without} images do not say how large a pixel is. Fill in pixel_spacing_mm."


def _identities(images: list[File]) -> dict[Path, _Identity]:
    """Return who each image shows, and from which side."""
    parts = {image.path: _parts(*image.place, image.stem) for image in images}
    counted = Counter(part for each in parts.values() for part in set(each))
    telling = {part for part, times in counted.items() if times < len(parts)}
    return {
        image.path: _Identity(_patient(image, parts[image.path], telling), *_side_and_view(image)) for image in images
    }


def _parts(*names: str) -> list[str]:
    """Return the parts of names that are neither side nor view."""
    parts = [part for name in names for part in re.split(r"[\W_]+", name) if part]
    return [part for part in parts if not _SIDE_AND_VIEW.fullmatch(part)]


def _patient(image: File, parts: list[str], telling: set[str]) -> tuple[str, str]:
    """Return where the patient comes from, and who it is."""
    if image.dicom.patient:
        # Some public collections write side and view into the PatientID.
        return "patient", "_".join(_parts(image.dicom.patient)) or image.dicom.patient
    if image.dicom.study:
        return "study", image.dicom.study
    telling_parts = [part for part in parts if part in telling] or parts
    with_digit = [part for part in telling_parts if re.search(r"\d", part)]
    return "name", (with_digit or ["_".join(telling_parts)])[0]


def _side_and_view(image: File) -> tuple[str, str]:
    """Return what the file says, else its folders or its PatientID."""
    laterality, view = image.known.laterality, image.known.view
    for name in (*reversed(image.place), image.dicom.patient):
        view_in_name, side_in_name = views.of_file_name(f"{name}.")
        laterality, view = laterality or side_in_name, view or view_in_name
    return laterality or "", view or ""
