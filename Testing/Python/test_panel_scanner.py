"""The panel of MammoRadiomics with harmonised models: they ask for the scanner, and nothing is assumed."""

from __future__ import annotations

import csv

import pytest
from made_up_centres import SCANNERS, a_table_of_scanners
from panel_steps import combined_model, predict, slnm_model, wait_for, wait_until, with_clinical_values
from test_in_slicer import a_phantom, saved_and_loaded_again

ANOTHER = "another scanner (left as it is)"


@pytest.fixture(scope="module")
def model():
    """A model of three scanners, trained and harmonised."""
    from MammoRadiomicsLib import learning
    from MammoRadiomicsLib.settings import TrainingSettings

    quick = TrainingSettings(
        folds=2, calibration_folds=3, lasso_folds=3, alpha_min=1e-2, alpha_count=10, centre="scanner", harmonise=True
    )
    return learning.train(a_table_of_scanners(), "outcome", quick).model


@pytest.fixture
def harmonised_panel(panel, outlined_phantom, model):
    """The panel with an outlined CC image and a ticked harmonised model."""
    panel.ui.ccVolumeSelector.setCurrentNode(outlined_phantom[0])
    panel.ui.ccSegmentSelector.setCurrentNode(outlined_phantom[1])
    panel.ui.modelSelector.check(add(model))
    panel.ui.outlinesSpinBox.value = 0
    return panel


def add(model):
    import slicer
    from MammoRadiomicsLib import mrml

    return mrml.model_to_node(slicer.mrmlScene, model)


def scanner_box(panel):
    (asked,) = [each for each in panel.clinical._asked if each.isScanner]
    return panel.clinical._boxes[asked.key]


def records_of(panel) -> list[dict]:
    from MammoRadiomicsLib import mrml

    return [mrml.result_from_node(node) for node in panel._parameterNode.results]


def test_a_harmonised_model_asks_for_the_scanner_by_name(harmonised_panel):
    box = scanner_box(harmonised_panel)
    assert [box.itemText(i) for i in range(box.count)] == ["not entered", *SCANNERS, ANOTHER]
    assert box.currentText == "not entered"
    assert harmonised_panel.ui.clinicalCollapsibleButton.text == "Scanner"
    assert harmonised_panel.ui.predictButton.enabled is False
    asked = "Enter under Scanner: scanner (Alpha, Beta, Gamma or another)."
    assert harmonised_panel.ui.statusLabel.text == harmonised_panel.ui.predictButton.toolTip == asked
    box.setCurrentText("Beta")
    assert harmonised_panel.ui.predictButton.enabled is True
    box.setCurrentIndex(0)
    assert harmonised_panel.ui.predictButton.enabled is False


def test_other_models_do_not_ask_for_it(ready_panel, model):
    ready_panel.parent._qt.show()
    assert ready_panel.ui.clinicalCollapsibleButton.visible is False
    node = add(model)
    ready_panel.ui.modelSelector.check(node)
    assert ready_panel.ui.clinicalCollapsibleButton.visible is True
    ready_panel.ui.modelSelector.uncheck(node)
    assert ready_panel.ui.clinicalCollapsibleButton.visible is False
    ready_panel.ui.modelSelector.check(add(combined_model("slnm")))
    assert ready_panel.ui.clinicalCollapsibleButton.text == "Clinical values"


def test_the_chosen_scanner_harmonises_the_features(harmonised_panel, model, outlined_phantom):
    """The child process finds what the library finds, to the last bit."""
    from MammoRadiomicsLib import prediction

    outlines = {"CC": harmonised_panel.logic.outline((*outlined_phantom, None))}
    for name in ("Alpha", "Gamma"):
        scanner_box(harmonised_panel).setCurrentText(name)
        predict(harmonised_panel)
        (record,) = records_of(harmonised_panel)
        assert record["scanner"] == {"name": name, "harmonised": True}
        assert record["radscore"] == prediction.predict(model, outlines, explain=False, scanner=name)["radscore"]
        assert f"Harmonised for the scanner or centre {name}." in harmonised_panel.ui.resultBrowser.plainText
    assert not any("Not harmonised" in warning for warning in record["warnings"])


def test_another_scanner_leaves_the_features_with_a_warning(harmonised_panel, model, outlined_phantom):
    from MammoRadiomicsLib import prediction

    scanner_box(harmonised_panel).setCurrentText(ANOTHER)
    predict(harmonised_panel)
    (record,) = records_of(harmonised_panel)
    assert record["scanner"] == {"name": "", "harmonised": False}
    outlines = {"CC": harmonised_panel.logic.outline((*outlined_phantom, None))}
    left = prediction.predict(model, outlines, explain=False, unknown_scanner="leave")
    assert record["radscore"] == left["radscore"]
    shown = harmonised_panel.ui.resultBrowser.plainText
    assert "Warning: Not harmonised: the scanner or centre" in shown
    assert "Features not harmonised: another scanner or centre." in shown


def test_a_result_of_another_scanner_is_out_of_date(harmonised_panel):
    scanner_box(harmonised_panel).setCurrentText("Alpha")
    predict(harmonised_panel)
    assert "Out of date" not in harmonised_panel.ui.resultBrowser.plainText
    scanner_box(harmonised_panel).setCurrentText(ANOTHER)
    assert "Out of date: the scanner has changed since." in harmonised_panel.ui.resultBrowser.plainText
    scanner_box(harmonised_panel).setCurrentText("Alpha")
    wait_for(harmonised_panel)
    assert "Out of date" not in harmonised_panel.ui.resultBrowser.plainText


def test_the_prediction_follows_the_scanner_while_i_edit(harmonised_panel):
    scanner_box(harmonised_panel).setCurrentText("Alpha")
    predict(harmonised_panel)
    harmonised_panel.ui.liveCheckBox.checked = True
    scanner_box(harmonised_panel).setCurrentText("Gamma")
    wait_until(lambda: records_of(harmonised_panel)[0]["scanner"]["name"] == "Gamma")
    wait_for(harmonised_panel)


def test_a_model_without_harmonisation_does_not_wait_for_the_other(harmonised_panel):
    harmonised_panel.ui.modelSelector.check(add(slnm_model()))
    assert harmonised_panel.ui.predictButton.enabled is True
    predict(harmonised_panel)
    (record,) = records_of(harmonised_panel)
    assert record["scanner"] is None
    assert "Enter under Scanner: scanner (" in harmonised_panel.ui.statusLabel.text


def test_a_model_that_needs_both_asks_for_both(harmonised_panel, model):
    harmonised_panel.ui.modelSelector.check(add(with_clinical_values(model, 1e-9)))
    assert harmonised_panel.ui.clinicalCollapsibleButton.text == "Clinical values and scanner"
    boxes = harmonised_panel.clinical._boxes
    assert len(boxes) == 3
    scanner_box(harmonised_panel).setCurrentText("Beta")
    assert "Enter under Clinical values and scanner: age (" in harmonised_panel.ui.statusLabel.text
    boxes["age [years]"].value = 52
    boxes["density"].setCurrentText("C")
    predict(harmonised_panel)
    assert [record["scanner"]["name"] for record in records_of(harmonised_panel)] == ["Beta", "Beta"]
    assert records_of(harmonised_panel)[1]["clinical"]["age"]["value"] == 52


def test_the_scanner_belongs_to_the_patients_images_and_survives_saving(harmonised_panel, outlined_phantom):
    scanner_box(harmonised_panel).setCurrentText(ANOTHER)
    predict(harmonised_panel)
    (record,) = records_of(harmonised_panel)
    other, outline, _ = a_phantom("of another patient")
    harmonised_panel.ui.ccVolumeSelector.setCurrentNode(other)
    harmonised_panel.ui.ccSegmentSelector.setCurrentNode(outline)
    assert scanner_box(harmonised_panel).currentText == "not entered"
    harmonised_panel.ui.ccVolumeSelector.setCurrentNode(outlined_phantom[0])
    harmonised_panel.ui.ccSegmentSelector.setCurrentNode(outlined_phantom[1])
    saved_and_loaded_again()
    wait_for(harmonised_panel)
    assert scanner_box(harmonised_panel).currentText == ANOTHER
    assert records_of(harmonised_panel) == [record]
    assert "Out of date" not in harmonised_panel.ui.resultBrowser.plainText


def test_the_console_takes_a_scanner_or_the_one_chosen(harmonised_panel, outlined_phantom):
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.errors import InputError

    node, views = harmonised_panel._parameterNode.models[0], {"CC": (*outlined_phantom, None)}
    logic = harmonised_panel.logic
    with pytest.raises(InputError, match="Alpha, Beta, Gamma; none was given"):
        logic.predict(node, views)
    with pytest.raises(InputError, match="'Delta' is none of them"):
        logic.predict(node, views, scanner="Delta")
    with pytest.raises(InputError, match="knows no scanners"):
        logic.predict(add(slnm_model()), views, scanner="Alpha")
    given = mrml.result_from_node(logic.predict(node, views, scanner="Beta"))
    left = mrml.result_from_node(logic.predict(node, views, scanner=""))
    assert left["scanner"] == {"name": "", "harmonised": False}
    scanner_box(harmonised_panel).setCurrentText("Beta")
    assert mrml.result_from_node(logic.predict(node, views)) == given


def test_the_table_of_results_holds_the_scanner(harmonised_panel, tmp_path):
    scanner_box(harmonised_panel).setCurrentText("Gamma")
    predict(harmonised_panel)
    harmonised_panel.logic.saveCsv(list(harmonised_panel._parameterNode.results), tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["scanner"], row["harmonised"]) == ("Gamma", "1")
