"""From outlined views to the record of a prediction: the same for files, for the scene and for a script."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
import SimpleITK as sitk

from . import __version__, features, perturbation
from .errors import InputError
from .model_file import Model, Prediction
from .presets import Preset
from .tables import FeatureTable, rows_by_lesion, spacing_of

_NAMES = {
    "slnm": ("Sentinel lymph node metastasis (SLNM)", {"0": "no", "1": "yes"}),
    "her2": ("HER2 expression", {}),
}


def predict(model: Model, outlines: dict[str, tuple[sitk.Image, sitk.Image]], perturb: int = 0) -> dict:
    """Extract what a model needs from the views of one lesion, apply it, and record both.

    Parameters
    ----------
    model : Model
        A trained model.
    outlines : dict
        Image and ROI (see :func:`.imaging.read_case`) by view, such as ``{"CC": (image, roi)}``.
    perturb : int
        Number of plausible outlines (see :mod:`.perturbation`) over which the probabilities' range is taken.

    Returns
    -------
    dict
        JSON: the :class:`.model_file.Prediction`, ``card``, digests of model and preset, and for each view its pixel
        spacing in mm, ROI size in pixels, the hashes of image and ROI, and the features used. ``range`` holds the
        lowest and highest probability of each class over the outline given and `perturb` plausible ones.

    Raises
    ------
    InputError
        When a view that the model cannot do without is missing, or an outline is unusable.
    """
    if not outlines:
        raise InputError("No view was given. Give at least one image with its outline.")
    _refuse_unknown_views(model, set(outlines))
    names, preset = model.image_feature_names, model.preset
    extracted = {view: extract_noting(image, roi, preset, names) for view, (image, roi) in outlines.items()}
    values = {view: found for view, (found, _) in extracted.items()}
    spacings = {image.GetSpacing()[0] for image, _ in outlines.values()}
    spacing_mm = spacings.pop() if len(spacings) == 1 else None
    if spacing_mm is None and not preset.resamples:
        raise InputError("The views have different pixel spacings and the model's preset does not resample them.")
    found = model.predict(values, spacing_mm=spacing_mm).to_json()
    found["warnings"] += [f"{view}: {note}" for view, (_, notes) in extracted.items() for note in notes]
    return {
        **found,
        "card": model.card,
        "purpose": model.purpose,
        "model_sha256": model.digest,
        "preset_sha256": preset.digest,
        "version": __version__,
        "views": {view: {**describe(*outlines[view]), "features": values[view]} for view in outlines},
        "perturbed_outlines": perturb,
        "range": _range(model, outlines, perturb, found["probabilities"]) if perturb else None,
    }


def _range(
    model: Model, outlines: dict[str, tuple[sitk.Image, sitk.Image]], perturb: int, given: dict[str, float]
) -> dict[str, list[float]]:
    """Lowest and highest probability of each class over the outline given and plausible ones."""
    variants = {view: perturbation.perturbed_masks(roi, perturb) for view, (_, roi) in outlines.items()}
    found = [given]
    for i in range(perturb):
        values = {
            view: extract_noting(image, variants[view][i], model.preset, model.image_feature_names)[0]
            for view, (image, _) in outlines.items()
        }
        found.append(model.predict(values).probabilities)
    return {name: [min(each[name] for each in found), max(each[name] for each in found)] for name in given}


def predict_table(model: Model, table: FeatureTable) -> list[dict]:
    """Apply a model to a feature table.

    Returns
    -------
    list of dict
        A row per lesion: its keys, probabilities, radscore, band, warnings; ``failure`` says why one has none.
    """
    rows = []
    for key, by_view in rows_by_lesion(table.rows).items():
        row = dict(zip(("patient_id", "laterality", "lesion_id"), key, strict=True))
        row |= {f"probability_{name}": "" for name in model.classes}
        row |= {"radscore": "", "band": "", "warnings": "", "failure": ""}
        try:
            found = _predict_rows(model, table, by_view)
        except InputError as error:
            row["failure"] = str(error)
        else:
            row |= {f"probability_{name}": value for name, value in found.probabilities.items()}
            row |= {"radscore": found.radscore, "band": found.band or "", "warnings": " ".join(found.warnings)}
        rows.append(row)
    return rows


def _predict_rows(model: Model, table: FeatureTable, by_view: dict[str, int]) -> Prediction:
    """Apply a model to the rows of one lesion, which must have been extracted as the model's were."""
    _refuse_unknown_views(model, set(by_view))
    rows = [table.rows[i] for i in by_view.values()]
    others = {row.get("preset", "") for row in rows} - {model.preset.name}
    if others:
        raise InputError(
            f"Its features come from the preset {others.pop()!r}, the model's from {model.preset.name!r}. "
            "Extract them again."
        )
    features_by_view = {
        view: dict(zip(table.names, table.values[i].tolist(), strict=True)) for view, i in by_view.items()
    }
    spacings = {spacing_of(row) for row in rows}
    return model.predict(features_by_view, spacing_mm=spacings.pop() if len(spacings) == 1 else None)


def named(record: dict, key: str = "probabilities") -> tuple[str, dict]:
    """Return the outcome's name, and what the record holds under `key` by the names of the classes."""
    title, names = outcome_names(record["outcome"])
    return title, {names.get(name, name): value for name, value in record[key].items()}


def outcome_names(outcome: str) -> tuple[str, dict[str, str]]:
    """Return the name of an outcome, and the names of those of its classes that are bare codes."""
    return _NAMES.get(outcome, (outcome, {}))


def as_text(record: dict) -> str:
    """Return a record in plain words, the caveats before the numbers' reasons."""
    title, names = named(record)
    lines = [f"{title}: " + ", ".join(f"{name} {p:.1%}" for name, p in names.items())]
    if record["range"]:
        ranges = ", ".join(f"{name} {low:.1%} to {high:.1%}" for name, (low, high) in named(record, "range")[1].items())
        lines.append(f"Over {record['perturbed_outlines']} plausible outlines: {ranges} (no confidence interval).")
    if record["band"]:
        lines.append(f"Band by the study's thresholds: {record['band']} (not advice).")
    lines += [f"Warning: {warning}" for warning in record["warnings"]]
    strongest = list(record["contributions"].items())[:5]
    lines.append(f"Radscore {record['radscore']:.3f}; strongest contributions:")
    lines += [f"  {share:+.3f}  {name}" for name, share in strongest]
    lines.append("Not a medical device.")
    return "\n".join(lines)


def extract_noting(
    image: sitk.Image, roi: sitk.Image, preset: Preset, names: tuple[str, ...] | None = None
) -> tuple[dict[str, float], list[str]]:
    """Extract features and return them with what must be said of them, such as too many grey levels."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", features.GreyLevelWarning)
        values = features.extract(image, roi, preset, names)
    notes = []
    for warning in caught:
        if issubclass(warning.category, features.GreyLevelWarning):
            notes.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return values, notes


def _refuse_unknown_views(model: Model, views: set[str]) -> None:
    known = set(model.manifest["view_names"])
    if known != {""} and not views <= known:
        unknown = ", ".join(sorted(view or "(no view)" for view in views - known))
        raise InputError(f"The model was trained on {', '.join(sorted(known))}, not on {unknown}. Leave it out.")


def describe(image: sitk.Image, roi: sitk.Image) -> dict:
    """Return spacing in mm, ROI size in pixels, and the SHA-256 of the pixels of image and ROI."""
    return {
        "pixel_spacing_mm": image.GetSpacing()[0],
        "roi_pixels": int(np.count_nonzero(sitk.GetArrayViewFromImage(roi))),
        "image_sha256": _pixel_hash(image),
        "mask_sha256": _pixel_hash(roi),
    }


def _pixel_hash(image: sitk.Image) -> str:
    """Hash size, spacing, pixel type and pixels: what features depend on, and nothing that names a patient."""
    pixels = np.ascontiguousarray(sitk.GetArrayViewFromImage(image))
    header = f"{image.GetSize()} {image.GetSpacing()} {pixels.dtype.str}".encode()
    return hashlib.sha256(header + pixels.tobytes()).hexdigest()
