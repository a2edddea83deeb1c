"""The panel of MammoRadiomicsTraining: its data, its settings, its steps in the child process, its results."""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import fields, replace
from pathlib import Path

import pytest
from test_in_slicer import a_model_node, a_phantom

MARK = "MAMMORADIOMICS_TEST_MARK"
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")


@pytest.fixture
def panel(training_panel):
    """The panel of this file."""
    return training_panel


@pytest.fixture
def rows(module_files):
    """Forty made-up lesions with features and outcome."""
    return module_files["MammoRadiomicsTraining"].MammoRadiomicsTrainingTest.madeUpRows()


@pytest.fixture
def features_file(rows, tmp_path):
    from MammoRadiomicsLib import tables

    tables.write_rows(tmp_path / "features.csv", rows)
    return tmp_path / "features.csv"


@pytest.fixture
def ready_panel(panel, features_file):
    """The panel with a table of features, and settings that train in a second."""
    panel.ui.featuresPathLineEdit.currentPath = str(features_file)
    quick = {"foldsSpinBox": 2, "alphaCountSpinBox": 8, "lassoFoldsSpinBox": 3, "calibrationFoldsSpinBox": 3}
    for name, value in quick.items():
        getattr(panel.ui, name).value = value
    panel.ui.purposeComboBox.currentIndex = 1
    return panel


def wait_until(condition, seconds: float = 60) -> None:
    import slicer

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        slicer.app.processEvents()


def check(panel) -> None:
    """Check the data as a user does, and wait for the answer."""
    panel.ui.checkButton.click()
    assert panel.ui.checkButton.enabled is False
    wait_until(lambda: not panel.data.checking)


def test_the_parameter_node_mirrors_every_setting_of_the_library(module_files, host):
    from MammoRadiomicsGui import training_settings
    from MammoRadiomicsLib.settings import TrainingSettings

    logic = module_files["MammoRadiomicsTraining"].MammoRadiomicsTrainingLogic()
    parameters = logic.getParameterNode()
    assert logic.settings(parameters) == TrainingSettings()
    mirrored = {training_settings.parameterName(field.name) for field in fields(TrainingSettings)}
    data = {"cohortPath", "featuresPath", "table", "columns", "outcome", "outputFolder", "model"}
    data |= {"predictors", "predictorTimes", "clinicalUnit", "clinicalStudy"}
    others = set(parameters.allParameters) - data - set(training_settings.EXTRACTION_DEFAULTS)
    assert {name for name in others if not name.startswith("segmenter")} == mirrored


def test_every_setting_has_a_widget_and_a_label(panel):
    from MammoRadiomicsGui import training_settings

    for name in training_settings.defaults():
        assert panel.settings._widget(name).property("SlicerParameterName") == name
        assert getattr(panel.ui, f"{name}Label").buddy() is panel.settings._widget(name)


def test_tooltips_name_the_default(panel):
    assert panel.ui.foldsSpinBox.toolTip.endswith("Default: 5.")
    assert panel.ui.viewsComboBox.toolTip.endswith("Default: mean of the views.")


def test_settings_that_differ_from_the_default_are_marked_and_set_back(panel):
    assert panel.ui.defaultsButton.enabled is False
    panel.ui.viewsComboBox.currentIndex = 1
    panel.ui.smoteCheckBox.checked = False
    assert panel._parameterNode.views == "concat"
    assert "bold" in panel.ui.viewsLabel.styleSheet
    assert panel.ui.defaultsLabel.text.endswith("(bold): 2.")
    assert panel.ui.viewsGroupBox.title == "Views and reader (1 changed)"
    panel.ui.defaultsButton.click()
    assert panel._parameterNode.views == "mean"
    assert panel.ui.smoteCheckBox.checked is True
    assert panel.ui.viewsLabel.styleSheet == ""
    assert panel.ui.viewsGroupBox.title == "Views and reader"


def test_choices_have_names_after_entering_again(panel, host):
    host.leave(panel)
    host.enter(panel)
    assert panel.ui.viewsComboBox.currentText == "mean of the views"


def test_an_empty_panel_says_what_to_do_first(panel):
    assert panel.ui.runButton.enabled is False
    assert panel.ui.runButton.toolTip == panel.ui.statusLabel.text == "Give a cohort or features first."


def test_the_results_go_beside_the_data_unless_told_otherwise(panel, features_file):
    panel.ui.featuresPathLineEdit.currentPath = str(features_file)
    assert panel.ui.outputFolderPathLineEdit.currentPath == str(features_file.with_name("features-results"))
    assert panel.ui.runButton.enabled is True
    assert panel.ui.extractionStateLabel.text == "not needed: features are given"
    assert panel.ui.trainingStateLabel.text == "to do"


def test_a_wrong_path_is_named(panel):
    panel.ui.featuresPathLineEdit.currentPath = "nowhere.csv"
    panel.ui.outputFolderPathLineEdit.currentPath = "results"
    assert panel.ui.statusLabel.text == "There is no file nowhere.csv."


def test_the_columns_of_the_data_can_be_predicted(panel, tmp_path):
    (tmp_path / "cohort.csv").write_text("patient_id,view,grade\nP1,CC,2\n", encoding="utf-8")
    panel.ui.cohortPathLineEdit.currentPath = str(tmp_path / "cohort.csv")
    box = panel.ui.outcomeComboBox
    assert [box.itemText(i) for i in range(box.count)] == ["slnm", "her2", "grade"]
    box.setCurrentText("grade")
    assert panel._parameterNode.outcome == "grade"


def test_a_table_with_other_column_names_is_renamed_for_the_steps(panel, rows, tmp_path):
    from MammoRadiomicsLib import tables

    others = [{{"patient_id": "ID1", "slnm": "N"}.get(name, name): cell for name, cell in row.items()} for row in rows]
    tables.write_rows(tmp_path / "features.csv", others)
    panel.ui.featuresPathLineEdit.currentPath = str(tmp_path / "features.csv")
    check(panel)
    assert panel.ui.problemsTable.item(0, 1).text() == "slnm"
    for box, name in ((panel.ui.patientIdColumnComboBox, "ID1"), (panel.ui.slnmColumnComboBox, "N")):
        box.setCurrentText(name)
    assert panel._parameterNode.columns == "patient_id=ID1,slnm=N"
    check(panel)
    assert panel.ui.checkLabel.text == "features.csv: 40 rows. Errors: 0. Warnings: 0."
    plan = panel.logic.prepare(panel._parameterNode)
    written = tables.read_rows(plan.features)
    assert written == [{name: str(cell) for name, cell in row.items()} for row in rows]


def test_renaming_leaves_out_a_column_that_is_replaced():
    from MammoRadiomicsLib.table_check import renamed

    assert renamed([{"view": "x", "Projection": "CC", "n": "1"}], {"view": "Projection"}) == [{"view": "CC", "n": "1"}]


def test_problems_are_listed_with_row_column_and_remedy(panel, rows, tmp_path):
    from MammoRadiomicsLib import tables

    rows[3]["original_glcm_Contrast"] = "n/a"
    rows[5]["view"] = "LAT"
    tables.write_rows(tmp_path / "features.csv", rows)
    panel.ui.featuresPathLineEdit.currentPath = str(tmp_path / "features.csv")
    check(panel)
    table = panel.ui.problemsTable
    shown = [[table.item(i, j).text() for j in range(4)] for i in range(table.rowCount)]
    assert [(row, column) for row, column, *_ in shown] == [("7", "view"), ("5", "original_glcm_Contrast")]
    assert "leave it empty" in shown[0][3]
    assert "Errors: 2." in panel.ui.checkLabel.text


def test_a_table_of_the_scene_is_written_once_and_again_when_it_changed(panel, rows, tmp_path):
    import slicer
    from MammoRadiomicsLib import mrml

    node = mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort")
    panel.ui.tableSelector.setCurrentNode(node)
    assert panel.ui.statusLabel.text == "Say where the results go."
    panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path)
    assert panel.ui.runButton.enabled is True
    plan = panel.logic.prepare(panel._parameterNode)
    os.utime(plan.features, (1, 1))
    panel.logic.prepare(panel._parameterNode)
    assert plan.features.stat().st_mtime == 1
    node.GetTable().GetColumn(0).SetValue(0, "P99")
    panel.logic.prepare(panel._parameterNode)
    assert plan.features.stat().st_mtime > 1


def test_steps_run_in_the_child_and_give_a_model_with_its_curves(ready_panel, host, features_file):
    """Also when the module was left meanwhile."""
    import slicer

    ready_panel.ui.runButton.click()
    assert ready_panel.run.running
    assert ready_panel.ui.runButton.enabled is False
    assert ready_panel.ui.runButton.toolTip == "A run is in progress."
    host.leave(ready_panel)
    wait_until(lambda: not ready_panel.run.running)
    host.enter(ready_panel)
    assert ready_panel.ui.modelSelector.currentNode().GetName() == "slnm model"
    assert "DEMONSTRATION" in ready_panel.ui.cardBrowser.plainText
    assert ready_panel.ui.trainingStateLabel.text.startswith("\N{CHECK MARK} done")
    assert ready_panel.ui.evaluationStateLabel.text.startswith("\N{CHECK MARK} AUC 0.")
    charts = [node.GetTitle() for node in slicer.util.getNodesByClass("vtkMRMLPlotChartNode")]
    assert charts[:3] == ["ROC", "Calibration", "Decision curve"]
    assert ready_panel.ui.reportButton.enabled is True

    ready_panel.ui.foldsSpinBox.value = 3
    assert ready_panel.ui.trainingStateLabel.text == "\N{WARNING SIGN} the settings have changed since"
    ready_panel.ui.foldsSpinBox.value = 2
    os.utime(features_file)
    ready_panel.onParametersModified()
    assert ready_panel.ui.trainingStateLabel.text == "\N{WARNING SIGN} the features have changed since"


def test_a_failing_step_says_why_and_what_to_do(ready_panel):
    ready_panel.ui.stabilityButton.click()
    wait_until(lambda: not ready_panel.run.running)
    assert "Add a second reader" in ready_panel.ui.statusLabel.text
    assert ready_panel.ui.statusLabel.text in ready_panel.ui.logTextEdit.plainText


def test_impossible_settings_are_refused_before_anything_runs(ready_panel, expected_failures):
    ready_panel.ui.alphaMinSpinBox.value = 100
    ready_panel.ui.runButton.click()
    assert "LASSO grid" in expected_failures()[0]
    assert not ready_panel.run.running


@pytest.fixture
def mark():
    """An environment variable that all descendants of this test share."""
    value = uuid.uuid4().hex
    os.putenv(MARK, value)
    yield value
    os.unsetenv(MARK)


def descendants(mark: str) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


@needs_proc
def test_cancel_leaves_no_process_and_no_half_written_file(ready_panel, mark, features_file):
    ready_panel.ui.repeatsSpinBox.value = 100
    ready_panel.ui.runButton.click()
    wait_until(lambda: "fold" in ready_panel.ui.statusLabel.text or not ready_panel.run.running)
    assert len(descendants(mark)) == 1
    ready_panel.ui.cancelButton.click()
    assert "was cancelled" in ready_panel.ui.statusLabel.text
    assert ready_panel.ui.runButton.enabled is True
    wait_until(lambda: not descendants(mark), 5)
    assert [path.name for path in features_file.parent.rglob("*") if path.is_file()] == ["features.csv"]


@needs_proc
def test_a_cancelled_extraction_goes_on_where_it_stopped(panel, image_folder, mark, tmp_path):
    """The table is the same to the byte as that of a run without a break, and no process is left."""
    lines = ["patient_id,lesion_id,laterality,view,image,mask"]
    lines += [f"P{i % 2},{i // 2 + 1},L,CC,P{i % 2}_L_CC.nrrd,P{i % 2}_L_CC_mask.nrrd" for i in range(12)]
    (image_folder / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    panel.ui.cohortPathLineEdit.currentPath = str(image_folder / "cohort.csv")
    panel.ui.presetComboBox.currentIndex = 1

    def extract(folder: str, until) -> Path:
        panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path / folder)
        panel.ui.extractionButton.click()
        wait_until(until)
        return tmp_path / folder / "features.csv"

    def done() -> bool:
        return not panel.run.running

    whole = extract("whole", done)
    table = extract("broken", lambda: panel.ui.progressBar.value >= 3 or done())
    panel.ui.cancelButton.click()
    wait_until(lambda: not descendants(mark), 5)
    assert not table.exists()
    kept = table.with_suffix(".journal").stat().st_size
    assert kept > 0
    panel.ui.logTextEdit.clear()
    extract("broken", done)
    assert table.read_bytes() == whole.read_bytes()
    first = next(line for line in panel.ui.logTextEdit.plainText.splitlines() if line.startswith("["))
    assert int(first[1:].partition("/")[0]) >= 3
    wait_until(lambda: not descendants(mark), 5)


@needs_proc
@pytest.mark.parametrize("end", ["close the scene", "close the panel"])
def test_what_runs_for_a_scene_or_a_panel_ends_with_it(end, ready_panel, host, mark):
    import slicer

    ready_panel.ui.runButton.click()
    wait_until(lambda: descendants(mark))
    if end == "close the scene":
        slicer.mrmlScene.Clear()
        assert ready_panel.ui.featuresPathLineEdit.currentPath == ""
    else:
        ready_panel.cleanup()
    wait_until(lambda: not descendants(mark), 5)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 0


@pytest.fixture
def image_folder(tmp_path):
    """Two phantoms with their outlines."""
    import SimpleITK as sitk
    from MammoRadiomicsLib import phantoms

    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(2):
        image, mask = phantoms.mammogram(i, size=(160, 160), diameter_mm=2.5)
        sitk.WriteImage(image, str(folder / f"P{i}_L_CC.nrrd"))
        sitk.WriteImage(mask, str(folder / f"P{i}_L_CC_mask.nrrd"))
    return folder


def test_cases_that_cannot_be_extracted_are_listed(panel, image_folder):
    cohort = image_folder / "cohort.csv"
    lines = ["patient_id,laterality,view,image,mask", "P0,L,CC,P0_L_CC.nrrd,P0_L_CC_mask.nrrd"]
    cohort.write_text("\n".join([*lines, "P1,L,CC,P1_L_CC.nrrd,gone.nrrd"]) + "\n", encoding="utf-8")
    panel.ui.cohortPathLineEdit.currentPath = str(cohort)
    panel.ui.presetComboBox.currentIndex = 1
    panel.ui.extractionButton.click()
    wait_until(lambda: not panel.run.running)
    assert "failed" in panel.ui.logTextEdit.plainText
    assert panel.ui.extractionStateLabel.text.startswith("\N{CHECK MARK} 1 outlines")
    assert panel.ui.checkLabel.text == "Cases without features: 1."
    assert panel.ui.problemsTable.item(0, 0).text() == "3"
    assert "gone.nrrd" in panel.ui.problemsTable.item(0, 2).text()
    assert panel.ui.trainingStateLabel.text == "to do"


def test_a_folder_is_scanned_into_a_cohort(panel, image_folder, tmp_path):
    panel.ui.scanFolderPathLineEdit.currentPath = str(image_folder)
    panel.ui.scanButton.click()
    wait_until(lambda: not panel.run.running)
    assert panel.ui.cohortPathLineEdit.currentPath == str(tmp_path / "images-results" / "cohort.csv")
    check(panel)
    assert "cohort.csv: 2 rows" in panel.ui.checkLabel.text


def test_the_current_case_is_added_to_a_table(panel, module_files):
    import slicer
    from MammoRadiomicsLib import mrml

    from MammoRadiomics import MammoRadiomicsLogic

    parameters = MammoRadiomicsLogic().getParameterNode()
    parameters.ccVolume, parameters.ccSegmentation, parameters.ccSegmentId = a_phantom("CC")
    for patient, outcome in (("P1", "1"), ("P2", "0")):
        panel.ui.casePatientLineEdit.text = patient
        panel.ui.caseOutcomeLineEdit.text = outcome
        panel.ui.addCaseButton.click()
    assert panel.ui.checkLabel.text == "Cohort has 2 rows."
    rows = mrml.table_to_rows(slicer.util.getNode("Cohort"))
    assert [(row["patient_id"], row["view"], row["slnm"]) for row in rows] == [("P1", "CC", "1"), ("P2", "CC", "0")]
    assert rows[0]["original_firstorder_Mean"] == rows[1]["original_firstorder_Mean"] != ""


def test_a_case_without_outline_is_not_added(panel, expected_failures):
    panel.ui.casePatientLineEdit.text = "P1"
    panel.ui.addCaseButton.click()
    assert "Select the CC or the MLO image" in expected_failures()[0]


def test_a_table_is_edited_in_the_scene(panel, features_file, tmp_path):
    panel.ui.featuresPathLineEdit.currentPath = str(features_file)
    panel.ui.editButton.click()
    assert panel.ui.tableSelector.currentNode().GetName() == "features"
    assert panel.ui.featuresPathLineEdit.currentPath == ""
    assert panel.ui.editButton.enabled is False
    assert panel.ui.trainingStateLabel.text == "to do"


def test_a_model_is_saved_applied_and_handed_on(panel, features_file, tmp_path, module_files):
    from MammoRadiomics import MammoRadiomicsLogic

    panel.ui.featuresPathLineEdit.currentPath = str(features_file)
    node = a_model_node()
    panel.ui.modelSelector.setCurrentNode(node)
    panel.ui.applyButton.click()
    assert "40 lesions" in panel.ui.statusLabel.text
    panel.ui.modelPathLineEdit.currentPath = str(tmp_path / "slnm.mammomodel")
    panel.ui.saveModelButton.click()
    assert (tmp_path / "slnm.mammomodel").is_file()
    panel.ui.useButton.click()
    assert node in list(MammoRadiomicsLogic().getParameterNode().models)


def test_removing_nodes_in_use_is_noticed(panel, rows):
    import slicer
    from MammoRadiomicsLib import mrml

    table = mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort")
    panel.ui.tableSelector.setCurrentNode(table)
    model = a_model_node()
    panel.ui.modelSelector.setCurrentNode(model)
    slicer.mrmlScene.RemoveNode(table)
    slicer.mrmlScene.RemoveNode(model)
    assert panel.ui.useButton.enabled is False
    assert panel.ui.statusLabel.text == "Give a cohort or features first."


def test_the_remaining_time_is_told_as_a_person_would():
    from MammoRadiomicsGui.pipeline import duration

    assert [duration(seconds) for seconds in (0.2, 42.4, 59.7, 3599, 7260)] == [
        "1 s", "42 s", "60 s", "60 min", "2 h 1 min",
    ]  # fmt: skip


def test_cases_that_were_done_before_do_not_shorten_the_estimate(host):
    from MammoRadiomicsGui.pipeline import Pipeline

    seen, now = [], [0.0]
    pipeline = Pipeline(seen.append, print, print, clock=lambda: now[0])
    for done, seconds in ((100, 0.0), (110, 10.0)):
        now[0] = seconds
        pipeline._onMessage({"done": done, "total": 200, "message": "P"})
    assert [each.remainingS for each in seen] == [None, 90.0]


def test_the_plan_runs_what_is_needed_and_no_more(tmp_path, host):
    from MammoRadiomicsGui.training_steps import Plan
    from MammoRadiomicsLib.settings import TrainingSettings

    cohort = tmp_path / "cohort.csv"
    cohort.write_text("patient_id\nP1\n", encoding="utf-8")
    plan = Plan(cohort, None, tmp_path / "out", "slnm", TrainingSettings())
    assert plan.wanted() == ["extraction", "training", "evaluation"]
    assert replace(plan, perturb=3).wanted() == ["extraction", "stability", "training", "evaluation"]
    plan.folder.mkdir()
    plan.features.write_text("", encoding="utf-8")
    plan.features.with_suffix(".run.json").write_text('{"preset": {"name": "study-1409"}}', encoding="utf-8")
    assert plan.state("extraction")[0] == "done"
    assert plan.wanted() == ["training", "evaluation"]
    assert replace(plan, preset="mammo-2d").state("extraction") == ("outdated", "the preset has changed since")
    os.utime(cohort, (time.time() + 9, time.time() + 9))
    assert plan.state("extraction") == ("outdated", "the cohort has changed since")
    assert json.dumps(plan.arguments("extraction")[:2]) == json.dumps(["extract", "--cohort"])


def test_a_cohort_file_supplies_the_outcome(module_files, host, rows, tmp_path):
    from MammoRadiomicsLib import tables
    from MammoRadiomicsLib.settings import TrainingSettings

    keys = ("patient_id", "lesion_id", "laterality", "view", "reader", "slnm")
    tables.write_rows(tmp_path / "cohort.csv", [{key: row[key] for key in keys} for row in rows])
    tables.write_rows(tmp_path / "features.csv", [{k: v for k, v in row.items() if k != "slnm"} for row in rows])
    settings = TrainingSettings(folds=2, lasso_folds=3, calibration_folds=3, alpha_count=8)
    logic = module_files["MammoRadiomicsTraining"].MammoRadiomicsTrainingLogic()
    node = logic.train(tmp_path / "features.csv", "slnm", settings, tmp_path / "cohort.csv")
    assert node.GetName() == "slnm model"


def test_the_options_of_the_command_are_the_settings_of_the_panel(module_files, host):
    from MammoRadiomicsGui.training_steps import settingsArguments
    from MammoRadiomicsLib import command_line
    from MammoRadiomicsLib.settings import TrainingSettings

    settings = TrainingSettings(
        views="concat", icc=0.9, smote=False, svm_c=2.5, random_state=7, lasso_target="one-vs-rest", split="part"
    )
    arguments = ["train", "--features", "f.csv", "--outcome", "slnm", *settingsArguments(settings)]
    options = command_line.parser().parse_args(arguments)
    assert {field.name: getattr(options, field.name) for field in fields(settings)} == settings.to_json()


def test_curves_are_shown_and_the_former_layout_comes_back(ready_panel, host, monkeypatch, tmp_path):
    import slicer
    from MammoRadiomicsLib import curves, mrml_plots

    chart = curves.lasso([{"alpha": "1", "error": "1", "spread": "1", "chosen": "1", "f": "0.5"}])
    monkeypatch.setattr(curves, "charts_of", lambda folder: [chart])
    monkeypatch.setattr(curves, "tables_of", lambda folder: {})
    manager = slicer.app.layoutManager()
    before = manager.layout
    ready_panel.result.onShowCurves()
    assert manager.layout == mrml_plots.LAYOUT_ID
    host.leave(ready_panel)
    assert manager.layout == before


def test_the_report_folder_is_opened(ready_panel, monkeypatch):
    opened = []
    services = ready_panel.result.onOpenReport.__globals__["qt"].QDesktopServices
    monkeypatch.setattr(services, "openUrl", lambda url: opened.append(url.toLocalFile()))
    report = ready_panel.logic.plan(ready_panel._parameterNode).report
    report.mkdir(parents=True)
    ready_panel.onParametersModified()
    ready_panel.ui.reportButton.click()
    assert opened == [str(report)]


def test_a_closed_panel_leaves_no_observer_and_no_process(module_files, host):
    import slicer

    panel = host.open_module(module_files["MammoRadiomicsTraining"])
    node = panel.logic.getParameterNode().parameterNode
    host.close_module(panel)
    assert panel.Observations == []
    node.Modified()
    slicer.mrmlScene.Clear()
    assert panel._parameterNode is None
    assert not panel.run.pipeline._child.running


def test_a_saved_scene_brings_the_panel_back(panel, rows, tmp_path):
    import slicer
    from MammoRadiomicsLib import mrml
    from test_in_slicer import saved_and_loaded_again

    panel.ui.tableSelector.setCurrentNode(mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort"))
    panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path / "Ergebnisse für Brüste")
    panel.ui.outcomeComboBox.setCurrentText("slnm")
    panel.ui.slnmColumnComboBox.setCurrentText("roi_pixels")
    panel.ui.viewsComboBox.currentIndex = 3
    saved_and_loaded_again()
    assert panel.ui.tableSelector.currentNode().GetName() == "Cohort"
    assert panel.ui.outputFolderPathLineEdit.currentPath.endswith("Brüste")
    assert panel.ui.slnmColumnComboBox.currentText == "roi_pixels"
    assert panel.ui.viewsComboBox.currentText == "MLO only"


def test_a_group_that_folds_shows_again_what_it_has_hidden_and_no_more(panel):
    group = panel.ui.validationGroupBox
    panel.parent._qt.show()
    panel.ui.settingsCollapsibleButton.collapsed = False
    group.collapsed = False
    panel.ui.splitLineEdit.visible = False
    group.collapsed = True
    assert panel.ui.foldsSpinBox.visible is False
    group.collapsed = False
    assert panel.ui.foldsSpinBox.visible is True
    assert panel.ui.splitLineEdit.visible is False


@pytest.mark.parametrize("text", ["sep=;\npatient_id;grade\nP1;2\n", "patient_id,grade\nP1,2\nP2,1\n"])
def test_the_columns_are_known_from_the_first_lines(text, panel, tmp_path):
    (tmp_path / "cohort.csv").write_text(text, encoding="utf-8")
    panel.ui.cohortPathLineEdit.currentPath = str(tmp_path / "cohort.csv")
    assert panel.logic.columns(panel._parameterNode) == ["patient_id", "grade"]


def test_an_excel_table_has_columns_too(panel, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in (["ID1", "N"], ["P1", 1]):
        book.active.append(line)
    book.save(tmp_path / "cohort.xlsx")
    panel.ui.cohortPathLineEdit.currentPath = str(tmp_path / "cohort.xlsx")
    assert panel.logic.columns(panel._parameterNode) == ["ID1", "N"]
    assert panel.ui.patientIdColumnComboBox.itemText(1) == "ID1"


def test_few_lines_of_the_console_train_and_predict(module_files, host, rows):
    import slicer
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.settings import TrainingSettings

    from MammoRadiomicsTraining import MammoRadiomicsTrainingLogic

    table = mrml.rows_to_table(slicer.mrmlScene, rows, "Features")
    settings = TrainingSettings(folds=2, lasso_folds=3, calibration_folds=3, alpha_count=8)
    logic = MammoRadiomicsTrainingLogic()
    model = logic.train(table, "slnm", settings)
    assert logic.apply(model, table).GetNumberOfRows() == 40
