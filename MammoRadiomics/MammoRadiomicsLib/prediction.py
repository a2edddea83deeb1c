"""From outlined views to the record of a prediction: the same for files, for the scene and for a script."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from . import __version__, clinical_terms, features, perturbation
from . import prevalence as prevalences
from .combat import LEAVE, REFUSE
from .errors import InputError
from .presets import Preset
from .tables import FeatureTable, Row, lesion_key, rows_by_lesion, spacing_of
from .trained_model import Model, Prediction

# As many as mammo-2d has grey levels: with fewer pixels most levels hold one or none, and texture is that of noise.
FEWEST_PIXELS = 64
STRONGEST = 5
_NAMES = {
    "slnm": ("Sentinel lymph node metastasis (SLNM)", {"0": "no", "1": "yes"}),
    "her2": ("HER2 expression", {}),
}


def predict(
    model: Model,
    outlines: dict[str, tuple[sitk.Image, sitk.Image]],
    perturb: int = 0,
    *,
    prevalence: dict[str, float] | None = None,
    explain: bool = True,
    clinical: Mapping[str, object] | None = None,
    scanner: str | None = None,
    unknown_scanner: str = REFUSE,
) -> dict:
    """Extract what a model needs from the views of one lesion, apply it, and record both.

    Parameters
    ----------
    model : Model
        A trained model.
    outlines : dict
        Image and ROI (see :func:`.imaging.read_case`) by view, such as ``{"CC": (image, roi)}``.
    perturb : int
        Number of plausible outlines (see :mod:`.perturbation`) over which the probabilities' range is taken.
    prevalence : dict, optional
        Share of each class where the model is used (see :func:`.prevalence.complete`).
    explain : bool
        Add the Shapley values of the probabilities, which take some tenths of a second.
    clinical : dict, optional
        Value of each clinical term of a combined model, by name.
    scanner, unknown_scanner
        As for :meth:`.trained_model.Model.predict`.

    Returns
    -------
    dict
        JSON: the :class:`.trained_model.Prediction`; ``explanation`` (see :meth:`.trained_model.Model.explain`) or
        None; ``card``, digests of model and preset, and for each view its pixel spacing in mm, ROI size in pixels, the
        hashes of image and ROI, and the features used. ``range`` holds the lowest and highest probability of each
        class, for the local prevalence where there is one, over the outline given and `perturb` plausible ones.

    Raises
    ------
    InputError
        When a view or a clinical value that the model cannot do without is missing, an outline is unusable, or a
        prevalence makes no sense.
    """
    if not outlines:
        raise InputError("No view was given. Give at least one image with its outline.")
    _refuse_unknown_views(model, set(outlines))
    # Before the features, which take their time.
    clinical_terms.read_all(model.clinical_terms, clinical or {}, model.outcome)
    model.check_scanner(scanner, unknown_scanner)
    names, preset = model.image_feature_names, model.preset
    extracted = {view: extract_noting(image, roi, preset, names) for view, (image, roi) in outlines.items()}
    values = {view: found for view, (found, _) in extracted.items()}
    spacing_mm = _one_spacing([image.GetSpacing()[0] for image, _ in outlines.values()], preset)
    found = model.predict(
        values, clinical=clinical, spacing_mm=spacing_mm, prevalence=prevalence, scanner=scanner,
        unknown_scanner=unknown_scanner,
    )  # fmt: skip
    described = {view: {**describe(*outlines[view]), "features": values[view]} for view in outlines}
    notes = {
        view: [*_note_of_size(described[view]["roi_pixels"], outlines[view][0].GetSpacing()[0], preset), *of_view]
        for view, (_, of_view) in extracted.items()
    }
    return {
        **found.to_json(),
        "warnings": found.warnings + [f"{view}: {note}" for view, of_view in notes.items() for note in of_view],
        "explanation": _explanation(model, values, clinical, found) if explain else None,
        "card": model.card,
        "purpose": model.purpose,
        "model_sha256": model.digest,
        "preset_sha256": preset.digest,
        "version": __version__,
        "views": described,
        "perturbed_outlines": perturb,
        "range": _range(model, outlines, perturb, found) if perturb else None,
    }


def _explanation(model: Model, values: dict, clinical: Mapping[str, object] | None, given: Prediction) -> dict:
    local = given.prevalence["local"]
    return model.explain(values, clinical=clinical, prevalence=local, **_scanner_again(given))


def _scanner_again(given: Prediction) -> dict[str, Any]:
    """Return the scanner of a prediction for another one of the same lesion."""
    return {"scanner": given.scanner["name"], "unknown_scanner": LEAVE} if given.scanner else {}


def _range(
    model: Model, outlines: dict[str, tuple[sitk.Image, sitk.Image]], perturb: int, given: Prediction
) -> dict[str, list[float]]:
    """Lowest and highest probability of each class over the outline given and plausible ones."""
    clinical = {name: each["value"] for name, each in (given.clinical or {}).items()}
    variants = {view: perturbation.perturbed_masks(roi, perturb) for view, (_, roi) in outlines.items()}
    found = [given.shown]
    for i in range(perturb):
        values = {
            view: extract_noting(image, variants[view][i], model.preset, model.image_feature_names)[0]
            for view, (image, _) in outlines.items()
        }
        of_outline = model.predict(
            values, clinical=clinical, prevalence=given.prevalence["local"], **_scanner_again(given)
        )
        found.append(of_outline.shown)
    return {name: [min(each[name] for each in found), max(each[name] for each in found)] for name in given.shown}


def _note_of_size(roi_pixels: int, spacing_mm: float | None, preset: Preset) -> list[str]:
    """Say when an outline has too few pixels for texture, counted at the preset's own pixel spacing."""
    resampled = [each for each in (preset.settings.get("resampledPixelSpacing") or ())[:2] if each]
    pixels = roi_pixels
    for each in resampled if spacing_mm else ():
        pixels *= spacing_mm / each
    if pixels >= FEWEST_PIXELS:
        return []
    return [
        f"The outline covers only {pixels:.0f} pixels of the size that the preset works with; texture needs "
        f"{FEWEST_PIXELS} or more. Check that it takes in the whole lesion."
    ]


def predict_table(
    model: Model,
    table: FeatureTable,
    prevalence: dict[str, float] | None = None,
    *,
    scanner: str | None = None,
    unknown_scanner: str = REFUSE,
) -> list[dict]:
    """Apply a model to a feature table.

    Parameters
    ----------
    model : Model
        A trained model.
    table : FeatureTable
        Extracted with the model's preset; with the columns of the clinical terms, where the model has any.
    prevalence : dict, optional
        Share of each class where the model is used (see :func:`.prevalence.complete`).
    scanner : str, optional
        Of all lesions; by default what the table's column of scanners says, which the model names.
    unknown_scanner : {"refuse", "leave"}
        As for :meth:`.trained_model.Model.predict`.

    Returns
    -------
    list of dict
        A row per lesion: its keys, probabilities (with a prevalence also ``local_probability_`` columns), radscore,
        band, ``applicability_percentile``, ``beyond_training`` (0 or 1), warnings; ``failure`` says why one has none.

    Raises
    ------
    InputError
        When the prevalence makes no sense.
    """
    if prevalence is not None:
        prevalence = prevalences.complete(prevalence, model.classes)
    rows = []
    found = rows_by_lesion(table.rows)
    of_lesion: dict[tuple[str, str, str], list[Row]] = {}
    for row in table.rows:
        of_lesion.setdefault(lesion_key(row), []).append(row)
    for key, by_view in found.items():
        row = dict(zip(("patient_id", "laterality", "lesion_id"), key, strict=True)) | _empty_row(model, prevalence)
        try:
            which = _scanner_of(model, [table.rows[i] for i in by_view.values()], scanner)
            options = {"scanner": which, "unknown_scanner": unknown_scanner}
            row |= _row_of(_predict_rows(model, table, by_view, of_lesion[key], prevalence, **options))
        except InputError as error:
            row["failure"] = str(error)
        rows.append(row)
    for key in dict.fromkeys(lesion_key(row) for row in table.rows if lesion_key(row) not in found):
        row = dict(zip(("patient_id", "laterality", "lesion_id"), key, strict=True)) | _empty_row(model, prevalence)
        rows.append(
            row | {"failure": "It has no outline by the first reader of the table. Give a table of one reader."}
        )
    return rows


def _empty_row(model: Model, prevalence: dict[str, float] | None) -> dict:
    kinds = ("probability", "local_probability") if prevalence else ("probability",)
    columns = [f"{kind}_{name}" for kind in kinds for name in model.classes]
    if model.clinical_terms:
        columns += [f"radiomics_probability_{name}" for name in model.classes]
    columns += ["scanner", "harmonised"] if model.scanners else []
    columns += ["radscore", "band", "applicability_percentile", "beyond_training", "warnings", "failure"]
    return dict.fromkeys(columns, "")


def _row_of(found: Prediction) -> dict:
    row = {f"probability_{name}": value for name, value in found.probabilities.items()}
    row |= {f"local_probability_{name}": value for name, value in (found.local_probabilities or {}).items()}
    row |= {f"radiomics_probability_{name}": value for name, value in (found.radiomics_probabilities or {}).items()}
    if found.scanner:
        row |= {"scanner": found.scanner["name"], "harmonised": int(found.scanner["harmonised"])}
    return row | {
        "radscore": found.radscore,
        "band": found.band or "",
        "applicability_percentile": found.applicability["percentile"],
        "beyond_training": int(found.applicability["beyond"]),
        "warnings": " ".join(found.warnings),
    }


def _scanner_of(model: Model, rows: list[Row], given: str | None) -> str | None:
    """Return the scanner of the views of one lesion; InputError where they have several."""
    if given or not model.scanners:
        return given
    column = model.manifest["harmonised"]["column"]
    names = sorted({row.get(column, "") for row in rows})
    if len(names) > 1:
        raise InputError(f"Its views have {' and '.join(map(repr, names))} in the column {column}. Correct it.")
    return names[0]


def _predict_rows(
    model: Model,
    table: FeatureTable,
    by_view: dict[str, int],
    of_lesion: list[Row],
    prevalence: dict[str, float] | None,
    **of_scanner: Any,
) -> Prediction:
    """Apply a model to the rows of one lesion, which must have been extracted as the model's were."""
    _refuse_unknown_views(model, set(by_view))
    rows = {view: table.rows[i] for view, i in by_view.items()}
    others = {row.get("preset", "") for row in rows.values()} - {model.preset.name}
    if others:
        raise InputError(
            f"Its features come from the preset {others.pop()!r}, the model's from {model.preset.name!r}. "
            "Extract them again."
        )
    values = {view: dict(zip(table.names, table.values[i].tolist(), strict=True)) for view, i in by_view.items()}
    spacing_mm = _one_spacing([spacing for row in rows.values() if (spacing := spacing_of(row))], model.preset)
    clinical = clinical_terms.cells(of_lesion, tuple(term.name for term in model.clinical_terms))
    found = model.predict(values, clinical=clinical, spacing_mm=spacing_mm, prevalence=prevalence, **of_scanner)
    notes = [f"{view}: {note}".removeprefix(": ") for view, row in rows.items() for note in _notes_of_row(row, model)]
    return replace(found, warnings=[*found.warnings, *_note_of_scanner(model, list(rows.values()), found), *notes])


def _note_of_scanner(model: Model, rows: list[Row], found: Prediction) -> list[str]:
    """Say when the table names another scanner than the one that was taken for all of its lesions."""
    if not found.scanner:
        return []
    others = {row.get(model.manifest["harmonised"]["column"], "") for row in rows} - {"", found.scanner["name"]}
    named = " and ".join(map(repr, sorted(others)))
    return [f"The table names the scanner or centre {named}; {found.scanner['name']!r} was given."] if others else []


def _one_spacing(spacings: list[float], preset: Preset) -> float | None:
    """Return the pixel spacing of the views in mm, None where unknown; refuse different ones without resampling."""
    if not spacings:
        return None
    if not preset.resamples and max(spacings) > 1.01 * min(spacings):
        raise InputError("The views have different pixel spacings and the model's preset does not resample them.")
    return float(np.median(spacings))


def _notes_of_row(row: Row, model: Model) -> list[str]:
    """What the size of an outline in a table says; nothing where the table does not state it."""
    pixels = row.get("roi_pixels", "")
    return _note_of_size(int(pixels), spacing_of(row), model.preset) if pixels.isdecimal() else []


def named(record: dict, key: str = "probabilities") -> tuple[str, dict]:
    """Return the outcome's name, and what the record holds under `key` by the names of the classes."""
    title, names = outcome_names(record["outcome"])
    return title, {names.get(name, name): value for name, value in record[key].items()}


def outcome_names(outcome: str) -> tuple[str, dict[str, str]]:
    """Return the name of an outcome, and the names of those of its classes that are bare codes."""
    return _NAMES.get(outcome, (outcome, {}))


def as_text(record: dict) -> str:
    """Return a record in plain words, the caveats before the numbers' reasons."""
    return "\n".join([*_probabilities_in_words(record), *details_in_words(record)])


def details_in_words(record: dict) -> list[str]:
    """Return what is to be said beside the probabilities, in lines; those of a list begin with spaces."""
    lines = _inputs_in_words(record)
    if record["range"]:
        ranges = ", ".join(f"{name} {low:.1%} to {high:.1%}" for name, (low, high) in named(record, "range")[1].items())
        lines.append(f"Over {record['perturbed_outlines']} plausible outlines: {ranges} (no confidence interval).")
    if record["band"]:
        of_which = ", from the probability for your prevalence" if record["local_probabilities"] else ""
        lines.append(f"Band by the study's thresholds{of_which}: {record['band']} (not advice).")
    lines += [f"Warning: {warning}" for warning in record["warnings"]]
    if not record["applicability"]["beyond"]:
        lines.append(_applicability_in_words(record))
    lines.append(f"Radscore {record['radscore']:.3f}; strongest contributions:")
    lines += [f"  {share:+.3f}  {name}" for name, share in list(record["contributions"].items())[:STRONGEST]]
    if record["explanation"]:
        lines += _explanation_in_words(record)
    lines.append("Not a medical device.")
    return lines


def _probabilities_in_words(record: dict) -> list[str]:
    """The probabilities for the local prevalence where there is one, and as trained."""
    title, _ = named(record)
    trained_at = _percentages(record, record["prevalence"]["training"])
    alone = record.get("radiomics_probabilities")
    which = ", with clinical values" if alone else ""
    also = [f"By radiomics alone, as trained: {_percentages(record, alone)}."] if alone else []
    as_trained = _percentages(record, record["probabilities"])
    if not record["local_probabilities"]:
        first, last = f"{title}{which}: {as_trained}", f"Prevalence in training: {trained_at}."
        return [first, *also, last]
    local_at = _percentages(record, record["prevalence"]["local"])
    return [
        f"{title}{which}: {_percentages(record, record['local_probabilities'])} for your prevalence ({local_at})",
        f"As trained, for the training's prevalence ({trained_at}){which}: {as_trained}.",
        *also,
    ]


def _inputs_in_words(record: dict) -> list[str]:
    """What was taken beside the images: clinical values and the scanner."""
    found = []
    if record.get("clinical"):
        values = [f"{name} {_value_in_words(**each)}" for name, each in record["clinical"].items()]
        found.append(f"Clinical values: {', '.join(values)}.")
    scanner = record.get("scanner")
    if scanner:
        done = "features harmonised" if scanner["harmonised"] else "features not harmonised"
        found.append(f"Scanner or centre: {scanner['name'] or 'not named'}; {done}.")
    return found


def _value_in_words(value: float | str, unit: str) -> str:
    return f"{value if isinstance(value, str) else f'{value:g}'} {unit}".strip()


def _percentages(record: dict, shares: dict[str, float]) -> str:
    names = outcome_names(record["outcome"])[1]
    return ", ".join(f"{names.get(name, name)} {share:.1%}" for name, share in shares.items())


def _applicability_in_words(record: dict) -> str:
    found = record["applicability"]
    return (
        f"Applicability: distance {found['distance']:.3g} from the training's lesions, larger than that of "
        f"{found['percentile']:.0f}% of them when held out; {found['outside']} of {len(record['contributions'])} "
        "features outside the training's range."
    )


def explained(record: dict) -> tuple[str, float, list[tuple[str, float, float | None]]]:
    """Return the most probable class (of two, the second), its base, and its strongest Shapley values with errors."""
    explanation = record["explanation"]
    probabilities = record[explanation["of"]]
    name = max(explanation["values"], key=probabilities.__getitem__)
    errors = explanation["errors"][name] if explanation["errors"] else {}
    values = list(explanation["values"][name].items())[:STRONGEST]
    return name, explanation["base"][name], [(feature, value, errors.get(feature)) for feature, value in values]


def _explanation_in_words(record: dict) -> list[str]:
    name, base, values = explained(record)
    shown = outcome_names(record["outcome"])[1].get(name, name)
    probability = record[record["explanation"]["of"]][name]
    lines = [
        f"Probability of {shown} {probability:.1%}, the model's mean {base:.1%}; strongest contributions to the "
        "difference in percentage points (Shapley values):"
    ]
    for feature, value, error in values:
        spread = "" if error is None else f" (SE {100 * error:.1f})"
        lines.append(f"  {100 * value:+.1f}{spread}  {feature}")
    return lines


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
