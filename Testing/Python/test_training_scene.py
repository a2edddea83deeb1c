"""The training panel with data in the scene: a run that finds it as it was, a check whose scene goes."""

from __future__ import annotations

import pytest
import test_training_panel
from test_training_panel import check, descendants, needs_proc, wait_until

panel, rows, mark = test_training_panel.panel, test_training_panel.rows, test_training_panel.mark


def test_a_run_that_finds_its_tables_unchanged_shows_the_curves(panel, rows, tmp_path):
    import slicer
    from MammoRadiomicsLib import mrml, mrml_plots

    panel.ui.tableSelector.setCurrentNode(mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort"))
    panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path)
    for name in ("folds", "alphaCount", "lassoFolds", "calibrationFolds"):
        getattr(panel.ui, f"{name}SpinBox").value = 3
    panel.ui.runButton.click()
    wait_until(lambda: not panel.run.running)
    said = panel.ui.statusLabel.text
    assert said == "Done. The model and its curves are in the scene."
    for node in (panel.ui.modelSelector.currentNode(), *slicer.util.getNodesByClass("vtkMRMLPlotChartNode")):
        slicer.mrmlScene.RemoveNode(node)
    model = panel.logic.plan(panel._parameterNode).model
    written = model.stat().st_mtime_ns
    panel.ui.runButton.click()
    wait_until(lambda: not panel.run.running)
    assert model.stat().st_mtime_ns == written
    assert panel.ui.statusLabel.text == said
    assert panel.ui.modelSelector.currentNode() is not None
    assert slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    assert slicer.app.layoutManager().layout == mrml_plots.LAYOUT_ID
    panel.result.leave()


@needs_proc
@pytest.mark.parametrize("change", ["clear", "load", "close the panel"])
def test_a_check_ends_with_the_scene_that_it_was_for(change, panel, rows, mark, tmp_path):
    """With a table of the scene, whose rows are sent one part after the other."""
    import slicer
    from MammoRadiomicsLib import mrml

    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "empty.mrb"))
    table = mrml.rows_to_table(slicer.mrmlScene, [row | {"note": "x" * 500} for row in rows] * 100, "Cohort")
    panel.ui.tableSelector.setCurrentNode(table)
    panel.ui.checkButton.click()
    wait_until(lambda: descendants(mark))
    assert panel.data.checking
    node, observed = panel._parameterNode, len(panel.Observations)
    if change == "close the panel":
        panel.cleanup()
        slicer.mrmlScene.Clear()
        assert panel.Observations == []
    elif change == "clear":
        slicer.mrmlScene.Clear()
    else:
        assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "empty.mrb"))
    wait_until(lambda: not descendants(mark), 5)
    assert not panel.data.checking
    node.parameterNode.Modified()
    if change != "close the panel":
        assert len(panel.Observations) == observed
        assert panel._parameterNode is not node
        assert panel.ui.checkLabel.text == ""
        assert panel.ui.checkButton.enabled is False
        check_again(panel, rows)


def check_again(panel, rows) -> None:
    import slicer
    from MammoRadiomicsLib import mrml

    panel.ui.tableSelector.setCurrentNode(mrml.rows_to_table(slicer.mrmlScene, rows, "Another"))
    check(panel)
    assert "Another" in panel.ui.checkLabel.text
