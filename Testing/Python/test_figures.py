"""Figures: the image stands as in its file, the numbers are the record's, nothing is left out."""

import io

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import phantoms
from MammoRadiomicsLib.reports import figures, print_style
from PIL import Image

LONG = "log-sigma-4-mm-3D_glszm_LargeAreaHighGrayLevelEmphasis"
RECORD = {
    "outcome": "slnm",
    "purpose": "demonstration",
    "probabilities": {"0": 0.25, "1": 0.75},
    "local_probabilities": None,
    "prevalence": {"training": {"0": 0.6, "1": 0.4}, "local": None},
    "range": None,
    "perturbed_outlines": 0,
    "explanation": {
        "of": "probabilities",
        "method": "sampled",
        "pairs": 16,
        "base": {"1": 0.4},
        "values": {"1": {LONG: 0.3, f"MLO/{LONG}": -0.1, "original_firstorder_Mean": 0.15}},
        "errors": {"1": {LONG: 0.01, f"MLO/{LONG}": 0.02, "original_firstorder_Mean": 0.005}},
    },
    "warnings": ["Demonstration model.", "A feature with a very-long-name " * 8],
}
LOCAL = RECORD | {
    "local_probabilities": {"0": 0.9, "1": 0.1},
    "prevalence": {"training": {"0": 0.6, "1": 0.4}, "local": {"0": 0.95, "1": 0.05}},
    "range": {"0": [0.85, 0.97], "1": [0.03, 0.15]},
    "perturbed_outlines": 10,
    "explanation": None,
}
HER2 = RECORD | {
    "outcome": "her2",
    "probabilities": {"zero": 0.2, "low": 0.8},
    "prevalence": {"training": {"zero": 0.5, "low": 0.5}, "local": None},
    "explanation": None,
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
    figure = figures.predictions([RECORD, HER2])
    shown = texts_of(figure)
    for text in ("25.0%", "75.0%", "80.0%", "SLNM: Demonstration model.", "HER2: Demonstration"):
        assert text in shown
    assert shown.count("Not a medical device.") == 1
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["no", "yes"]


def test_the_reasons_stand_beside_the_probabilities():
    bars, reasons, _ = figures.predictions([RECORD]).axes
    assert bars.get_title(loc="left").startswith("Sentinel lymph node metastasis (SLNM)")
    assert "probability of yes\nfrom the model's mean, 40.0%, to 75.0%" in reasons.get_title(loc="left")
    assert [label.get_text().split("\n")[1] for label in reasons.get_yticklabels()][2] == "firstorder Mean"
    assert [patch.get_width() for patch in reasons.patches] == pytest.approx([30, -10, 15])
    assert "standard errors" in reasons.get_xlabel()


def test_a_local_prevalence_and_the_range_are_named():
    bars, _ = figures.predictions([LOCAL]).axes
    assert {text.get_text() for text in bars.get_legend().get_texts()} == {
        "for your prevalence", "as trained", "your prevalence", "range over 10 plausible outlines"
    }  # fmt: skip
    assert "10.0%" in {text.get_text() for text in bars.texts}
    bars, *_ = figures.predictions([RECORD]).axes
    assert {text.get_text() for text in bars.get_legend().get_texts()} == {"probability", "prevalence in training"}


@pytest.mark.parametrize("records", [[RECORD], [LOCAL], [RECORD, HER2, LOCAL]])
def test_nothing_is_cut_off(records):
    """The outermost pixels of the picture are background."""
    picture = io.BytesIO()
    figures.predictions(records).savefig(picture, format="png", dpi=80)
    pixels = np.asarray(Image.open(picture).convert("L"))
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edges == 255).all()


def test_letters_that_dejavu_lacks_are_looked_for_among_the_installed_fonts(monkeypatch):
    from matplotlib.font_manager import fontManager

    monkeypatch.setattr(fontManager, "get_font_names", lambda: ["SimHei", "DejaVu Sans", "Comic Sans MS"])
    assert print_style.font_families() == ["DejaVu Sans", "SimHei"]


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_classes_in_chinese_are_no_boxes_where_a_font_has_them(kind, tmp_path):
    """A missing letter is a warning, and that an error here."""
    from matplotlib.figure import Figure

    if len(print_style.font_families()) == 1:
        pytest.skip("no font with Chinese letters is installed")

    def a_figure() -> Figure:
        figure = Figure()
        figure.subplots().barh([0, 1], [1, 2], tick_label=["淋巴结转移", "阴性"])
        figure.suptitle("腋窝淋巴结")
        return figure

    for draw in (print_style.for_print(a_figure), print_style.for_screen(a_figure)):
        draw().savefig(tmp_path / f"figure.{kind}")
