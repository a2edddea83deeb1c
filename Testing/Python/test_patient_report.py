"""The page on one patient: whole, of the right outline, and safe whatever the texts are."""

from __future__ import annotations

import re

import pytest
import SimpleITK as sitk
from made_up_model import a_model
from MammoRadiomicsLib import patient_report, phantoms, prediction
from MammoRadiomicsLib.errors import InputError


@pytest.fixture(scope="module")
def outlines():
    image, roi = phantoms.mammogram(1, size=(160, 160), diameter_mm=2.5)
    return {"CC": (sitk.Cast(image / 16, sitk.sitkUInt16), roi)}


@pytest.fixture(scope="module")
def record(outlines):
    return prediction.predict(a_model(), outlines, explain=False)


def test_the_page_has_images_results_and_caveats(record, outlines, tmp_path):
    patient_report.write(tmp_path / "report.html", [record], outlines)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(re.findall(r"data:image/png;base64,[A-Za-z0-9+/=]{1000,}", page)) == 2
    assert "not a medical device" in page
    assert record["views"]["CC"]["mask_sha256"][:12] in page
    assert "http" not in page


def test_texts_cannot_become_markup(record, outlines, tmp_path):
    nasty = {**record, "card": "<script>alert(1)</script>", "warnings": ["<img src=x>"], "version": "<b>"}
    patient_report.write(tmp_path / "report.html", [nasty], outlines)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_a_page_without_a_result_is_refused(outlines, tmp_path):
    with pytest.raises(InputError, match="Predict first"):
        patient_report.write(tmp_path / "report.html", [], outlines)
    assert not list(tmp_path.iterdir())


def test_a_demonstration_says_so_at_the_top(record, outlines, tmp_path):
    patient_report.write(tmp_path / "report.html", [{**record, "purpose": "demonstration"}], outlines)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.index("DEMONSTRATION") < page.index("<figure>")
