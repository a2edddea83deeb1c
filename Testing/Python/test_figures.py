"""Figures: the image stands as in its file, the numbers are the record's, nothing is left out."""

import io

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import figures, phantoms
from PIL import Image

RECORD = {
    "outcome": "slnm",
    "purpose": "demonstration",
    "probabilities": {"0": 0.25, "1": 0.75},
    "warnings": ["Demonstration model.", "A feature with a very-long-name " * 8],
}


def texts_of(figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_a_mammogram_is_shown_as_in_its_file_with_its_outline():
    image, roi = phantoms.mammogram(2, size=(160, 120), diameter_mm=2.5)
    figure = figures.outlined_views({"CC": (image, roi), "MLO": (image, roi)}, "A phantom")
    whole, near = figure.axes[:2]
    np.testing.assert_array_equal(whole.get_images()[0].get_array(), sitk.GetArrayFromImage(image)[0])
    assert (whole.get_xlim(), whole.get_ylim()) == ((-0.5, 159.5), (119.5, -0.5))
    assert len(figure.axes) == 4
    assert "5 mm" in texts_of(figure)
    inside = sitk.GetArrayFromImage(roi)[0].astype(bool)
    rows, columns = near.get_images()[0].get_array().shape
    assert inside.any(axis=1).sum() < rows <= 120
    assert inside.any(axis=0).sum() < columns <= 160


def test_every_probability_and_every_warning_is_shown():
    figure = figures.predictions([RECORD, RECORD | {"outcome": "her2", "probabilities": {"zero": 0.2, "low": 0.8}}])
    shown = texts_of(figure)
    for text in (
        "25.0%",
        "75.0%",
        "80.0%",
        "SLNM: Demonstration model.",
        "HER2: Demonstration",
        "Not a medical device.",
    ):
        assert text in shown
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["no", "yes"]


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_is_cut_off(count):
    """The outermost pixels of the picture are background."""
    picture = io.BytesIO()
    figures.predictions([RECORD] * count).savefig(picture, format="png", dpi=80)
    pixels = np.asarray(Image.open(picture).convert("L"))
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edges == 255).all()
