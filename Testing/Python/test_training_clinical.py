"""The panel of MammoRadiomicsTraining: clinical predictors beside radiomics, clinical tables, reports."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_training_panel import wait_until


@pytest.fixture
def panel(training_panel):
    """The panel of this file."""
    return training_panel


@pytest.fixture
def cohort(tmp_path):
    """Eighty lesions without images: age differs between the outcomes."""
    from MammoRadiomicsLib import tables

    rng = np.random.default_rng(1)
    rows = []
    for i in range(80):
        clinical = {"age": int(rng.integers(35, 75)) + 4 * (i % 2), "density": "ABCD"[rng.integers(4)]}
        late = {"lymphovascular_invasion": int(rng.integers(2)), "score": round(rng.normal(), 2)}
        rows.append({"patient_id": f"P{i:02d}", "laterality": "L", "view": "CC", "slnm": i % 2} | clinical | late)
    tables.write_rows(tmp_path / "cohort.csv", rows)
    return tmp_path / "cohort.csv"


def rows_shown(panel) -> dict[str, tuple[bool, str]]:
    import qt

    table = panel.ui.predictorsTable
    items = [table.item(row, 0) for row in range(table.rowCount)]
    boxes = panel.predictors._boxes
    return {
        item.text(): (item.checkState() == qt.Qt.Checked, box.currentText)
        for item, box in zip(items, boxes, strict=True)
    }


def tick(panel, name: str, time: int | None = None) -> None:
    import qt

    table = panel.ui.predictorsTable
    row = next(row for row in range(table.rowCount) if table.item(row, 0).text() == name)
    table.item(row, 0).setCheckState(qt.Qt.Checked)
    if time is not None:
        panel.predictors._boxes[row].setCurrentIndex(time)


def test_the_datas_clinical_columns_are_listed_with_their_times(panel, cohort):
    panel.ui.cohortPathLineEdit.currentPath = str(cohort)
    shown = rows_shown(panel)
    assert list(shown) == ["age", "density", "lymphovascular_invasion", "score"]
    assert shown["age"] == (False, "at imaging")
    assert shown["lymphovascular_invasion"] == (False, "after surgery")
    assert shown["score"] == (False, "not stated")
    assert panel.ui.predictorsHintLabel.text == "Nothing ticked: a model of radiomics alone."


def test_a_predictor_that_cannot_serve_blocks_the_training_and_says_why(panel, cohort, tmp_path):
    panel.ui.cohortPathLineEdit.currentPath = str(cohort)
    panel.ui.featuresPathLineEdit.currentPath = str(cohort)
    tick(panel, "lymphovascular_invasion")
    assert panel.ui.trainingStateLabel.text == "lymphovascular_invasion is known only after surgery"
    panel._parameterNode.predictors = json.dumps(["score"])
    assert panel.ui.trainingStateLabel.text == "say when score is known"
    assert panel.ui.trainingButton.enabled is False
    tick(panel, "score", time=2)
    assert panel.ui.trainingStateLabel.text == "to do"
    assert panel._parameterNode.predictorTimes == '{"score": "biopsy"}'
    arguments = panel.logic.plan(panel._parameterNode).arguments("training")
    assert arguments[arguments.index("--predictors") :][:4] == ["--predictors", "score", "--time", "score=biopsy"]


def test_what_is_ticked_survives_saving_and_leaving(panel, cohort, host):
    from test_in_slicer import saved_and_loaded_again

    panel.ui.cohortPathLineEdit.currentPath = str(cohort)
    tick(panel, "age")
    tick(panel, "score", time=1)
    host.leave(panel)
    host.enter(panel)
    saved_and_loaded_again()
    shown = rows_shown(panel)
    assert shown["age"] == (True, "at imaging")
    assert shown["score"] == (True, "at imaging")
    assert shown["density"][0] is False


def test_clinical_tables_come_into_the_scene_as_tables_and_a_plot(panel, cohort, monkeypatch):
    import slicer
    from MammoRadiomicsLib import mrml, mrml_plots

    panel.ui.cohortPathLineEdit.currentPath = str(cohort)
    tick(panel, "age")
    tick(panel, "density")
    assert panel.ui.clinicalStateLabel.text == "if wanted"
    panel.ui.clinicalButton.click()
    wait_until(lambda: not panel.run.running)
    assert panel.ui.clinicalStateLabel.text.startswith("\N{CHECK MARK} 80 units")
    source = str(cohort.with_name("cohort-results") / "slnm-clinical")
    names = [node.GetName() for node in mrml_plots.tables_of(slicer.mrmlScene, source)]
    assert names[:2] == ["slnm-clinical: Table 1 by outcome", "slnm-clinical: One variable at a time"]
    charts = mrml_plots.charts_of(slicer.mrmlScene, source)
    assert charts["odds"].GetTitle() == "Odds ratios, full model: 1 against 0"
    assert charts["odds"].GetNthPlotSeriesNode(0).GetName().startswith("density D against ")
    full = mrml.table_to_rows(slicer.util.getNode("slnm-clinical: Full model"))
    assert [row["variable"] for row in full] == ["age", "density", "density", "density"]

    before = slicer.app.layoutManager().layout
    panel.ui.clinicalTablesButton.click()
    assert slicer.app.layoutManager().layout == mrml_plots.TABLE_LAYOUT_ID
    shown = slicer.mrmlScene.GetSingletonNode("MammoRadiomicsTables", "vtkMRMLTableViewNode").GetTableNode()
    assert shown.GetName() == "slnm-clinical: Table 1 by outcome"
    panel.result.leave()
    assert slicer.app.layoutManager().layout == before
    opened = []
    services = panel.result.onOpenReport.__globals__["qt"].QDesktopServices
    monkeypatch.setattr(services, "openUrl", lambda url: opened.append(url.toLocalFile()))
    panel.ui.clinicalReportButton.click()
    assert opened == [f"{source}/report.html"]

    panel.ui.clinicalUnitComboBox.currentIndex = 2
    assert panel.ui.clinicalStateLabel.text == "\N{WARNING SIGN} the choices have changed since"


def test_the_studys_own_variables_are_marked_as_not_preoperative(panel, cohort):
    panel.ui.cohortPathLineEdit.currentPath = str(cohort)
    panel.ui.clinicalStudyCheckBox.checked = True
    arguments = panel.logic.plan(panel._parameterNode).arguments("clinical")
    assert arguments[arguments.index("--predictors") + 1] == "study"
    assert "--predictors" not in panel.logic.plan(panel._parameterNode).arguments("training")


def test_an_odds_ratio_whose_interval_leaves_1_out_has_a_colour(cohort, tmp_path):
    from MammoRadiomicsLib import curves
    from MammoRadiomicsLib.clinical import charts

    head = "contrast,against,variable,level,reference,odds_ratio,profile_low,profile_high,wald_low,wald_high\n"
    lines = "a,1,age,,,2,1.5,3,1,4\na,1,sex,m,f,1e9,,,0.5,1e12\na,1,gone,,,,,,,\n"
    (tmp_path / "full_model.csv").write_text(head + lines, encoding="utf-8")
    (chart,) = charts.charts_of(tmp_path)
    assert [(curve.name, curve.colour) for curve in chart.curves] == [
        ("sex m against f", curves.GREY), ("age", curves.BLUE), ("no difference", curves.GREY),
    ]  # fmt: skip
    assert chart.curves[0].x.tolist() == [0.5, 100, 100]


def test_a_folder_without_tables_is_refused(tmp_path):
    from MammoRadiomicsLib.clinical import charts
    from MammoRadiomicsLib.errors import InputError

    with pytest.raises(InputError, match="Make them with 'clinical'"):
        charts.tables_of(tmp_path)


def test_a_combined_model_is_trained_in_the_panel_and_asks_for_its_values(panel, module_files, tmp_path):
    import slicer
    from MammoRadiomicsLib import mrml, tables

    rng = np.random.default_rng(2)
    rows = module_files["MammoRadiomicsTraining"].MammoRadiomicsTrainingTest.madeUpRows()
    rows = [row | {"age": int(50 + 8 * row["slnm"] + rng.normal(0, 8))} for row in rows]
    tables.write_rows(tmp_path / "features.csv", rows)
    panel.ui.featuresPathLineEdit.currentPath = str(tmp_path / "features.csv")
    for name, value in {"folds": 2, "alphaCount": 8, "lassoFolds": 3, "calibrationFolds": 3}.items():
        getattr(panel.ui, f"{name}SpinBox").value = value
    tick(panel, "age")
    panel.ui.trainingButton.click()
    wait_until(lambda: not panel.run.running, 180)
    model = mrml.model_from_node(panel.ui.modelSelector.currentNode())
    assert [term.name for term in model.clinical_terms] == ["age"]
    differences = mrml.table_to_rows(slicer.util.getNode("slnm-report: Differences between the models"))
    assert {(row["first"], row["second"]) for row in differences} >= {("combined", "radiomics")}
    assert {"auc_difference", "low", "high", "nri", "idi"} <= set(differences[0])
    models = mrml.table_to_rows(slicer.util.getNode("slnm-report: Clinical, radiomics and combined model"))
    assert {row["model"] for row in models} == {"clinical", "radiomics", "combined"}
    assert panel.ui.trainingStateLabel.text.startswith("\N{CHECK MARK}")
    panel._parameterNode.predictors = ""
    assert panel.ui.trainingStateLabel.text == "\N{WARNING SIGN} the settings have changed since"
