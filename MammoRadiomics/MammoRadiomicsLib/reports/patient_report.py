"""One page on one lesion: the images with their outlines, what the models say, and how far to trust it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .. import prediction
from ..errors import InputError
from ..field import Box
from ..files import write_atomically
from .html_page import Html, element, figure, joined, page, picture, table

_WHOLE, _CLOSE = 420, 420
_OUTLINE_COLOUR, _FRAME_COLOUR = (230, 159, 0), (255, 255, 255)
_STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 1.5em auto; padding: 0 1em; color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.15em; margin-bottom: 0.3em; }
figure { display: inline-block; margin: 0 0.6em 0.6em 0; vertical-align: top; } figcaption { font-size: 0.85em; }
img { background: #000; } .warning { color: #a02020; font-weight: bold; } .small { font-size: 0.8em; color: #555; }
pre { white-space: pre-wrap; font-family: inherit; } p { margin: 0.25em 0; }
.indented { padding-left: 0.6em; }
table { border-collapse: collapse; margin: 0.4em 0; } th, td { padding: 0.15em 0.9em 0.15em 0; text-align: left; }
th { font-weight: normal; font-size: 0.85em; vertical-align: bottom; border-bottom: 1px solid #999; }
.n { text-align: right; } td.n { font-weight: bold; } td.n ~ td.n { font-weight: normal; }
@media print { body { margin: 0; padding: 0; font-size: 10pt; } details { display: none; } }
"""


def write(path: str | Path, records: list[dict], outlines: dict[str, tuple[sitk.Image, sitk.Image]]) -> None:
    """Write the report as one HTML file without links to others.

    Parameters
    ----------
    path : path
        Of the file.
    records : list of dict
        Of :func:`.prediction.predict`, one per model.
    outlines : dict
        Image and ROI by view, as they were for the predictions.

    Raises
    ------
    InputError
        Without a record, or when the outlines are not those of the records.
    """
    if not records:
        raise InputError("There is no result to report. Predict first.")
    described = {view: prediction.describe(*each) for view, each in outlines.items()}
    for record in records:
        if {view: _identity(each) for view, each in record["views"].items()} != {
            view: _identity(each) for view, each in described.items()
        }:
            raise InputError("The image or the outline has changed since the prediction. Predict again, then report.")
    figures = joined(_figures(view, *each) for view, each in outlines.items())
    body = [element("h1", "MammoRadiomics: one lesion"), _purpose(records), figures, *map(_section, records)]
    write_atomically(path, page("MammoRadiomics report", _STYLE, *body, _conditions(records[0])))


def _identity(described: dict) -> tuple[str, str]:
    return described["image_sha256"], described["mask_sha256"]


def _purpose(records: list[dict]) -> Html:
    words = "For research; not a medical device, and no advice."
    if any(record["purpose"] == "demonstration" for record in records):
        words = "DEMONSTRATION: a model trained on synthetic images says nothing about a patient. " + words
    return element("p", words, class_="warning")


def _section(record: dict) -> Html:
    """A model's result: probabilities as a table, the rest in the words of the terminal, and its card."""
    parts = [element("h2", prediction.named(record)[0]), table(_probabilities(record))]
    for line in prediction.details_in_words(record):
        kind = "warning" if line.startswith("Warning") else "indented" if line.startswith("  ") else None
        parts.append(element("p", line.strip(), class_=kind))
    card = element("details", element("summary", "About this model"), element("pre", record["card"]))
    return joined([*parts, card])


def _probabilities(record: dict) -> list[dict]:
    """A row for each class: the probabilities side by side, the one that counts first, and how common the class is."""
    which = "With clinical values" if record.get("radiomics_probabilities") else "Probability"
    columns = {
        f"{which}, for your prevalence": record["local_probabilities"],
        f"{which}, as trained": record["probabilities"],
        "Radiomics alone, as trained": record.get("radiomics_probabilities"),
        "Your prevalence": record["prevalence"]["local"],
        "Prevalence in training": record["prevalence"]["training"],
    }
    names = prediction.outcome_names(record["outcome"])[1]
    return [
        {"": names.get(key, key)} | {head: f"{shares[key]:.1%}" for head, shares in columns.items() if shares}
        for key in record["probabilities"]
    ]


def _conditions(record: dict) -> Html:
    """What makes the result reproducible."""
    views = "; ".join(
        f"{view}: {each['roi_pixels']} pixels of {each['pixel_spacing_mm']:g} mm, image {each['image_sha256'][:12]}, "
        f"outline {each['mask_sha256'][:12]}"
        for view, each in record["views"].items()
    )
    return element("p", f"MammoRadiomics {record['version']}. {views}. SHA-256, first digits.", class_="small")


def _figures(view: str, image: sitk.Image, roi: sitk.Image) -> Html:
    pixels, inside = (sitk.GetArrayViewFromImage(each)[0] for each in (image, roi))
    near = Box.around(inside != 0).with_surroundings(inside.shape)
    low, high = np.percentile(pixels[::8, ::8], [1, 99.8])
    grey = _as_grey(pixels, low, high)
    step = max(1, -(-max(pixels.shape) // _WHOLE))
    whole = _framed(np.stack([grey[::step, ::step]] * 3, axis=-1), near, step)
    zoom = max(1, round(_CLOSE / max(near.shape)))
    close = _outlined(grey[near.slices], inside[near.slices] != 0, zoom)
    millimetres = near.shape[1] * image.GetSpacing()[0]
    captions = f"{view}, whole image", f"{view}, {millimetres:.1f} mm wide, with the outline"
    return joined(_figure(*each) for each in zip((whole, close), captions, strict=True))


def _as_grey(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    scaled = (pixels.astype(np.float32) - low) / max(high - low, 1e-6)
    return (255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def _framed(colours: np.ndarray, box: Box, step: int) -> np.ndarray:
    """Draw a frame of one pixel where the lesion is."""
    top, left = box.top // step, box.left // step
    bottom, right = min(box.bottom // step, len(colours) - 1), min(box.right // step, colours.shape[1] - 1)
    colours[[top, bottom], left : right + 1] = _FRAME_COLOUR
    colours[top : bottom + 1, [left, right]] = _FRAME_COLOUR
    return colours


def _outlined(grey: np.ndarray, inside: np.ndarray, zoom: int) -> np.ndarray:
    """Enlarge, and draw the outline as a line of two pixels along the lesion's edge."""
    grey, inside = (each.repeat(zoom, axis=0).repeat(zoom, axis=1) for each in (grey, inside))
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    core = sitk.GetArrayFromImage(sitk.BinaryErode(mask, (2, 2)))
    colours = np.stack([grey] * 3, axis=-1)
    colours[inside & (core == 0)] = _OUTLINE_COLOUR
    return colours


def _figure(colours: np.ndarray, caption: str) -> Html:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        sitk.WriteImage(sitk.GetImageFromArray(colours, isVector=True), path)
        return figure(picture(path.read_bytes(), caption), caption)
