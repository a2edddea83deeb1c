"""The panel of MammoRadiomics with models that need clinical values: asked for by name, kept per patient, in points."""

from __future__ import annotations

import csv
import re

import pytest
from panel_steps import combined_model, her2_model, predict, slnm_model, wait_for, wait_until, with_clinical_values
from test_in_slicer import a_phantom, saved_and_loaded_again


@pytest.fixture
def combined_panel(panel, outlined_phantom):
    """The panel with an outlined CC image and a ticked model that needs age and density."""
    panel.ui.ccVolumeSelector.setCurrentNode(outlined_phantom[0])
    panel.ui.ccSegmentSelector.setCurrentNode(outlined_phantom[1])
    panel.ui.modelSelector.check(add_model("slnm"))
    panel.ui.outlinesSpinBox.value = 0
    return panel


def add_model(outcome: str, model=None):
    import slicer
    from MammoRadiomicsLib import mrml

    return mrml.model_to_node(slicer.mrmlScene, model or combined_model(outcome))


def age_box(panel):
    return panel.clinical._boxes["age [years]"]


def density_box(panel):
    return panel.clinical._boxes["density"]


def enter(panel, age: float = 52, density: str = "C") -> None:
    age_box(panel).value = age
    density_box(panel).setCurrentText(density)


def record_of(panel) -> dict:
    from MammoRadiomicsLib import mrml

    return mrml.result_from_node(panel._parameterNode.results[0])


def shown_probability(panel, name: str = "yes") -> float:
    """Read the probability in the nomogram, in per cent."""
    text = panel.ui.nomogramBrowser.plainText
    return float(re.search(rf"Probability of {name}\D*([\d.]+) %", text).group(1))


def test_a_number_without_a_unit_and_a_category_of_the_same_name_are_two_values(module_files):
    from MammoRadiomicsGui import clinical_values
    from MammoRadiomicsLib.clinical_terms import ClinicalTerm

    number = ClinicalTerm("grade", "", "biopsy", (), 1.0, 3.0)
    category = ClinicalTerm("grade", "", "biopsy", ("1", "2", "3"))
    assert clinical_values.keyOf(number) != clinical_values.keyOf(category)


def test_the_section_is_there_only_for_models_that_need_it(ready_panel, model_node):
    assert ready_panel.ui.clinicalCollapsibleButton.visible is False
    ready_panel.parent._qt.show()
    node = add_model("slnm")
    ready_panel.ui.modelSelector.check(node)
    assert ready_panel.ui.clinicalCollapsibleButton.visible is True
    ready_panel.ui.modelSelector.uncheck(node)
    assert ready_panel.ui.clinicalCollapsibleButton.visible is False
    assert ready_panel.ui.predictButton.enabled is True


def test_nothing_is_assumed_and_what_is_missing_is_asked_for_by_name(combined_panel):
    assert age_box(combined_panel).text == "not entered"
    assert density_box(combined_panel).currentText == "not entered"
    assert combined_panel.ui.predictButton.enabled is False
    asked = "Enter under Clinical values: age (years, 31 to 78 in training), density (A, B, C or D)."
    assert combined_panel.ui.statusLabel.text == combined_panel.ui.predictButton.toolTip == asked
    age_box(combined_panel).value = 52
    assert combined_panel.ui.statusLabel.text == "Enter under Clinical values: density (A, B, C or D)."
    density_box(combined_panel).setCurrentText("B")
    assert combined_panel.ui.predictButton.enabled is True
    age_box(combined_panel).value = age_box(combined_panel).minimum
    assert combined_panel.ui.predictButton.enabled is False


def test_a_row_says_unit_and_range_and_has_a_label(combined_panel):
    box = age_box(combined_panel)
    enter(combined_panel)
    assert box.text == "52.0 years"
    assert box.toolTip.startswith("31 to 78 years in the training of slnm model.")
    layout = combined_panel.ui.clinicalRowsWidget.layout()
    assert layout.labelForField(box).text == "age:"
    assert layout.labelForField(box).buddy() is not None


def test_a_model_without_clinical_terms_does_not_wait_for_the_other(combined_panel):
    combined_panel.ui.modelSelector.check(add_model("slnm", slnm_model()))
    assert combined_panel.ui.predictButton.enabled is True
    predict(combined_panel)
    assert record_of(combined_panel)["clinical"] is None
    assert "Enter under Clinical values" in combined_panel.ui.statusLabel.text


def test_combined_and_radiomics_stand_side_by_side(combined_panel):
    enter(combined_panel)
    predict(combined_panel)
    record = record_of(combined_panel)
    assert record["clinical"] == {"age": {"value": 52.0, "unit": "years"}, "density": {"value": "C", "unit": ""}}
    shown = combined_panel.ui.resultBrowser.plainText
    assert "With clinical values" in shown
    assert "Radiomics alone" in shown
    for share in (record["probabilities"]["1"], record["radiomics_probabilities"]["1"]):
        assert f"{100 * share:.1f} %" in shown
    assert "Clinical values: age 52 years, density C." in shown


@pytest.mark.parametrize("outcome", ["slnm", "her2"])
def test_the_nomogram_says_what_the_model_says(outcome, module_files, host):
    """To 1e-6 and better, for every value, also with a local prevalence."""
    from made_up_model import features_of
    from MammoRadiomicsLib.nomogram import RADSCORE, Nomogram

    model = combined_model(outcome, 1.5)
    chart = Nomogram.of(model)
    local = dict.fromkeys(model.classes, 1 / len(model.classes))
    for age in (20, 31.5, 78, 95):
        for density in "ABCD":
            values = {"age": age, "density": density}
            found = model.predict({"CC": features_of(model, 0.3)}, clinical=values, prevalence=local)
            totals = chart.total(chart.points({RADSCORE: found.radscore, **values}))
            assert chart.probability(totals) == pytest.approx(found.probabilities, abs=1e-9)
            assert chart.probability(totals, local) == pytest.approx(found.local_probabilities, abs=1e-9)


def test_the_nomogram_follows_the_values_at_once(combined_panel):
    assert "The radscore of these outlines comes with the prediction." in combined_panel.ui.nomogramBrowser.plainText
    enter(combined_panel)
    predict(combined_panel)
    assert shown_probability(combined_panel) == round(100 * record_of(combined_panel)["probabilities"]["1"], 1)
    before = shown_probability(combined_panel)
    age_box(combined_panel).value = 75
    at_once = shown_probability(combined_panel)
    assert at_once > before
    assert "Out of date: the clinical values have changed" in combined_panel.ui.resultBrowser.plainText
    predict(combined_panel)
    assert at_once == round(100 * record_of(combined_panel)["probabilities"]["1"], 1)
    assert "Out of date" not in combined_panel.ui.resultBrowser.plainText


def test_three_classes_have_points_for_each_class_but_the_first(combined_panel):
    combined_panel.ui.modelSelector.check(add_model("her2"))
    enter(combined_panel)
    predict(combined_panel)
    text = combined_panel.ui.nomogramBrowser.plainText
    assert "Points, low" in text
    assert "Points, positive" in text
    assert all(f"Probability of {name}" in text for name in ("zero", "low", "positive"))


def test_the_prediction_follows_a_value_while_i_edit(combined_panel):
    enter(combined_panel)
    predict(combined_panel)
    combined_panel.ui.liveCheckBox.checked = True
    age_box(combined_panel).value = 60
    wait_until(lambda: record_of(combined_panel)["clinical"]["age"]["value"] == 60)
    wait_for(combined_panel)


def test_values_belong_to_the_patients_images(combined_panel, outlined_phantom):
    """They come with an image, and not to another one."""
    enter(combined_panel)
    other, outline, _ = a_phantom("of another patient")
    combined_panel.ui.ccVolumeSelector.setCurrentNode(other)
    combined_panel.ui.ccSegmentSelector.setCurrentNode(outline)
    assert age_box(combined_panel).text == "not entered"
    enter(combined_panel, age=70)
    combined_panel.ui.ccVolumeSelector.setCurrentNode(outlined_phantom[0])
    assert age_box(combined_panel).value == 52
    combined_panel.ui.mloVolumeSelector.setCurrentNode(other)
    assert age_box(combined_panel).text == "not entered"
    assert density_box(combined_panel).currentText == "C"


def test_values_survive_saving_the_scene(combined_panel):
    enter(combined_panel, age=45.5, density="D")
    predict(combined_panel)
    record, nomogram = record_of(combined_panel), combined_panel.ui.nomogramBrowser.plainText
    saved_and_loaded_again()
    wait_for(combined_panel)
    assert age_box(combined_panel).value == 45.5
    assert density_box(combined_panel).currentText == "D"
    assert record_of(combined_panel) == record
    assert combined_panel.ui.nomogramBrowser.plainText == nomogram
    assert "Out of date" not in combined_panel.ui.resultBrowser.plainText


def test_closing_the_scene_takes_the_values_away(combined_panel):
    import slicer

    enter(combined_panel)
    slicer.mrmlScene.Clear()
    assert combined_panel.ui.clinicalCollapsibleButton.visible is False
    assert combined_panel.clinical._boxes == {}


def test_the_console_takes_values_or_those_entered(combined_panel, outlined_phantom):
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.errors import InputError

    model, views = combined_panel._parameterNode.models[0], {"CC": (*outlined_phantom, None)}
    with pytest.raises(InputError, match="age"):
        combined_panel.logic.predict(model, views)
    given = combined_panel.logic.predict(model, views, clinicalValues={"age": 52, "density": "C"})
    enter(combined_panel)
    entered = combined_panel.logic.predict(model, views)
    assert mrml.result_from_node(given) == mrml.result_from_node(entered)


def test_the_table_of_results_holds_the_values(combined_panel, tmp_path):
    enter(combined_panel)
    predict(combined_panel)
    combined_panel.logic.saveCsv(list(combined_panel._parameterNode.results), tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["clinical/age [years]"] == "52.0"
    assert row["clinical/density"] == "C"
    assert float(row["radiomics_probability_1"]) == record_of(combined_panel)["radiomics_probabilities"]["1"]


def test_values_that_nobody_can_read_count_as_not_entered(combined_panel, outlined_phantom):
    from MammoRadiomicsGui import clinical_values

    for text in ("{", "[1]", '{"age [years]": [1]}'):
        outlined_phantom[0].SetAttribute(clinical_values.ATTRIBUTE, text)
        assert clinical_values.read([outlined_phantom[0]]) == {}


def test_names_in_a_model_are_shown_as_text(combined_panel):
    from MammoRadiomicsGui.nomogram_html import nomogramHtml

    assert "&lt;b&gt;" in nomogramHtml("<b>", combined_model("slnm"), None, {})


def test_the_nomogram_takes_no_radscore_of_another_patient_or_outline(combined_panel, outlined_phantom):
    """Its probability would mix one patient's radscore with another's values."""
    enter(combined_panel)
    predict(combined_panel)
    assert "Probability of" in combined_panel.ui.nomogramBrowser.plainText
    other, outline, segment_id = a_phantom("of another patient")
    edit(outline, segment_id, other)
    combined_panel.ui.ccVolumeSelector.setCurrentNode(other)
    combined_panel.ui.ccSegmentSelector.setCurrentNode(outline)
    enter(combined_panel, age=70)
    wait_for(combined_panel)
    assert "Probability of" not in combined_panel.ui.nomogramBrowser.plainText
    assert "comes with the prediction" in combined_panel.ui.nomogramBrowser.plainText
    predict(combined_panel)
    assert "Probability of" in combined_panel.ui.nomogramBrowser.plainText
    edit(outline, segment_id, other, rows=slice(8, 12))
    wait_until(lambda: "Probability of" not in combined_panel.ui.nomogramBrowser.plainText)


def edit(segmentation, segment_id: str, volume, rows: slice = slice(2, 6)) -> None:
    import slicer

    pixels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume).copy()
    pixels[:, rows, 2:6] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(pixels, segmentation, segment_id, volume)


def test_a_level_that_one_of_two_models_does_not_know_is_asked_for(combined_panel):
    """The other one is predicted, and the panel goes on."""
    combined_panel.ui.modelSelector.check(add_model("her2", with_clinical_values(her2_model(), 1e-9, levels="ABC")))
    enter(combined_panel, density="D")
    assert "density (A, B or C)" in combined_panel.ui.statusLabel.text
    assert combined_panel.ui.predictButton.enabled is True
    predict(combined_panel)
    assert record_of(combined_panel)["clinical"]["density"]["value"] == "D"
