"""The page on one patient: whole, of the right outline, and safe whatever the texts are."""

from __future__ import annotations

import re

import pytest
import SimpleITK as sitk
from made_up_model import a_model
from MammoRadiomicsLib import phantoms, prediction
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.reports import patient_report
from panel_steps import combined_model


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
    assert "://" not in page


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


@pytest.fixture(scope="module")
def combined(outlines):
    """A result with clinical values, a local prevalence and a scanner that the model does not know."""
    values = {"age": 52, "density": "C"}
    found = prediction.predict(combined_model(), outlines, prevalence={"1": 0.2}, explain=False, clinical=values)
    return found | {"scanner": {"name": "", "harmonised": False}}


def words_of(page: str) -> str:
    return re.sub(r"<[^>]+>", "|", page[page.index("<body>") :])


def test_probabilities_with_and_without_clinical_values_stand_side_by_side(combined, outlines, tmp_path):
    patient_report.write(tmp_path / "report.html", [combined], outlines)
    words = re.sub(r"\|+", "|", words_of((tmp_path / "report.html").read_text(encoding="utf-8")))
    heads = "With clinical values, for your prevalence|With clinical values, as trained|Radiomics alone, as trained"
    assert f"{heads}|Your prevalence|Prevalence in training|" in words
    shares = [combined[key]["1"] for key in ("local_probabilities", "probabilities", "radiomics_probabilities")]
    assert f"yes|{'|'.join(f'{share:.1%}' for share in shares)}|20.0%|50.0%|" in words
    assert "|Clinical values: age 52 years, density C.|" in words
    assert "|Scanner or centre: not named; features not harmonised.|" in words


def test_the_terminal_says_the_same(combined):
    first, trained, alone, *others = prediction.as_text(combined).splitlines()
    assert first.startswith("Sentinel lymph node metastasis (SLNM), with clinical values: no ")
    assert trained.startswith("As trained, for the training's prevalence (no 50.0%, yes 50.0%), with clinical values: ")
    share = combined["radiomics_probabilities"]["1"]
    assert alone == f"By radiomics alone, as trained: no {1 - share:.1%}, yes {share:.1%}."
    assert others[0] == "Clinical values: age 52 years, density C."
    known = combined | {"scanner": {"name": "Alpha", "harmonised": True}}
    assert "\nScanner or centre: Alpha; features harmonised.\n" in prediction.as_text(known)


def test_radiomics_alone_has_one_column_of_probabilities(record, outlines, tmp_path):
    patient_report.write(tmp_path / "report.html", [record], outlines)
    words = re.sub(r"\|+", "|", words_of((tmp_path / "report.html").read_text(encoding="utf-8")))
    assert "|Probability, as trained|Prevalence in training|" in words
    assert "Clinical values" not in words
    assert "Scanner" not in words
