"""One page on one lesion: the images with their outlines, what the models say, and how far to trust it."""

from __future__ import annotations

import base64
import html
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from . import prediction
from .errors import InputError
from .field import Box
from .files import write_atomically

_WHOLE, _CLOSE = 420, 420
_OUTLINE_COLOUR, _FRAME_COLOUR = (230, 159, 0), (255, 255, 255)
_STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 1.5em auto; color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.15em; margin-bottom: 0.3em; }
figure { display: inline-block; margin: 0 0.6em 0.6em 0; vertical-align: top; } figcaption { font-size: 0.85em; }
img { background: #000; } .warning { color: #a02020; font-weight: bold; } .small { font-size: 0.8em; color: #555; }
pre { white-space: pre-wrap; font-family: inherit; } p { margin: 0.25em 0; }
@media print { body { margin: 0; font-size: 10pt; } details { display: none; } }
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
    figures = "".join(_figures(view, *each) for view, each in outlines.items())
    body = f"<h1>MammoRadiomics: one lesion</h1>{_purpose(records)}{figures}{''.join(map(_section, records))}"
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>MammoRadiomics report</title>'
        f"<style>{_STYLE}</style></head><body>{body}{_conditions(records[0])}</body></html>\n"
    )
    write_atomically(path, page)


def _identity(described: dict) -> tuple[str, str]:
    return described["image_sha256"], described["mask_sha256"]


def _purpose(records: list[dict]) -> str:
    words = "For research; not a medical device, and no advice."
    if any(record["purpose"] == "demonstration" for record in records):
        words = "DEMONSTRATION: a model trained on synthetic images says nothing about a patient. " + words
    return f'<p class="warning">{html.escape(words)}</p>'


def _section(record: dict) -> str:
    """A model's result in the words of the terminal, and its card."""
    first, *lines = prediction.as_text(record).splitlines()
    parts = [f"<h2>{html.escape(first)}</h2>"]
    for line in lines:
        kind = ' class="warning"' if line.startswith("Warning") else ""
        indented = "&nbsp;&nbsp;" if line.startswith("  ") else ""
        parts.append(f"<p{kind}>{indented}{html.escape(line.strip())}</p>")
    card = html.escape(record["card"])
    return "".join(parts) + f"<details><summary>About this model</summary><pre>{card}</pre></details>"


def _conditions(record: dict) -> str:
    """What makes the result reproducible."""
    views = "; ".join(
        f"{view}: {each['roi_pixels']} pixels of {each['pixel_spacing_mm']:g} mm, image {each['image_sha256'][:12]}, "
        f"outline {each['mask_sha256'][:12]}"
        for view, each in record["views"].items()
    )
    text = f"MammoRadiomics {record['version']}. {views}. SHA-256, first digits."
    return f'<p class="small">{html.escape(text)}</p>'


def _figures(view: str, image: sitk.Image, roi: sitk.Image) -> str:
    pixels, inside = (sitk.GetArrayViewFromImage(each)[0] for each in (image, roi))
    near = _around(Box.around(inside != 0), inside.shape)
    low, high = np.percentile(pixels[::8, ::8], [1, 99.8])
    grey = _as_grey(pixels, low, high)
    step = max(1, -(-max(pixels.shape) // _WHOLE))
    whole = _framed(np.stack([grey[::step, ::step]] * 3, axis=-1), near, step)
    zoom = max(1, round(_CLOSE / max(near.shape)))
    close = _outlined(grey[near.slices], inside[near.slices] != 0, zoom)
    millimetres = near.shape[1] * image.GetSpacing()[0]
    captions = f"{view}, whole image", f"{view}, {millimetres:.1f} mm wide, with the outline"
    return "".join(_figure(*each) for each in zip((whole, close), captions, strict=True))


def _around(box: Box, shape: tuple[int, int]) -> Box:
    """A square twice as large as the outline, as far as the image has it."""
    margins = tuple(max(box.shape) - length // 2 for length in box.shape)
    return box.widened(margins, shape)


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


def _figure(colours: np.ndarray, caption: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        sitk.WriteImage(sitk.GetImageFromArray(colours, isVector=True), path)
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    text = html.escape(caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'
