"""The curves and tables of a report as numbers, and as plots of the scene."""

from __future__ import annotations

import json

import numpy as np
import pytest
from MammoRadiomicsLib import curves, tables
from MammoRadiomicsLib.errors import InputError

CLASSES = {"slnm": ("0", "1"), "her2": ("zero", "low", "positive")}


@pytest.fixture(params=CLASSES)
def report(request, tmp_path):
    """A report's folder with tables as report.write makes them, for two and for three classes."""
    classes = CLASSES[request.param]
    rng = np.random.default_rng(1)
    target = np.arange(60) % len(classes)
    shown = classes[1:] if len(classes) == 2 else classes
    for name in ("out_of_fold", "training_probabilities"):
        rows = []
        for repeat in (1, 2):
            values = rng.dirichlet(np.ones(len(classes)), 60) + np.eye(len(classes))[target] / 2
            for label, row in zip(target, values / values.sum(axis=1, keepdims=True), strict=True):
                keys = {"repeat": repeat, "patient_id": f"P{label}", "outcome": classes[label]}
                rows.append(keys | {f"probability_{each}": value for each, value in zip(classes, row, strict=True)})
        tables.write_rows(tmp_path / f"{name}.csv", rows)
    rows_of = {"rows": "cross-validated"}
    points = [{"curve": curve, "predicted": 0.2, "observed": 0.3} for curve in ("binned", "smoothed")]
    tables.write_rows(tmp_path / "calibration.csv", [rows_of | {"class": c} | p for c in shown for p in points])
    net = [{"threshold": t, "net_benefit": 0.3 - t, "treat_all": 0.2 - t} for t in (0.1, 0.2)]
    tables.write_rows(tmp_path / "decision_curve.csv", [rows_of | {"class": c} | p for c in shown for p in net])
    path = [{"alpha": a, "error": 1, "spread": 0.1, "chosen": int(a == 0.1), "f": 0.2 - a, "g": 0} for a in (0.2, 0.1)]
    for name in ("lasso_path", "lasso_path_0", "lasso_path_1")[: 1 if len(classes) == 2 else 3]:
        tables.write_rows(tmp_path / f"{name}.csv", path)
    tables.write_rows(tmp_path / "selection.csv", [{"feature": "f", "frequency": 1.0}])
    by_class = {name: {"mean": 0.8, "low": 0.7, "high": 0.9, "method": "bootstrap"} for name in shown}
    fit = {name: {"slope": 1.0, "intercept": 0.0} for name in shown}
    measured = {"rows": "cross-validated", "lesions": 60, "patients": 60, "auc": by_class, "calibration": fit}
    measured["brier"] = dict.fromkeys(shown, 0.1)
    metrics = {"metrics": {"protocol": "nested", "cross_validated": measured, "optimism": dict.fromkeys(shown, 0.1)}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return tmp_path


def test_every_chart_of_a_report_is_read(report):
    charts = {chart.key: chart for chart in curves.charts_of(report)}
    more = ["lasso zero", "lasso low"] if "lasso zero" in charts else []
    assert list(charts) == ["roc", *(["roc training"] if more else []), "calibration", "decision", "lasso", *more]
    assert [curve.name for curve in charts["lasso"].curves] == ["f", "g", "penalty chosen"]
    assert charts["lasso"].curves[0].colour == curves.BLUE
    assert charts["calibration"].curves[0].style == "line"
    assert charts["calibration"].curves[-2].style == "points"


def test_a_roc_curve_has_the_area_that_was_measured(report):
    from MammoRadiomicsLib.discrimination import weighted_auc

    rows = tables.read_rows(report / "out_of_fold.csv")
    classes, target, mean = curves._mean_probabilities(rows)
    first = curves.charts_of(report)[0].curves[0]
    i = 1 if len(classes) == 2 else 0
    assert first.name == ("cross-validated" if len(classes) == 2 else "zero, cross-validated")
    expected = weighted_auc(target == i, mean[None, :, i], np.ones((1, 60)))[0]
    assert np.trapezoid(first.y, first.x) == pytest.approx(expected)


def test_each_class_has_a_colour_of_its_own(report):
    roc = curves.charts_of(report)[0]
    colours = [curve.colour for curve in roc.curves if curve.name not in ("training", "chance")]
    assert len(set(colours)) == len(colours)


def test_the_tables_for_a_person_are_read(report):
    found = curves.tables_of(report)
    assert found["Performance"][0]["auc"] == 0.8
    assert found["Selected features"] == [{"feature": "f", "frequency": "1.0"}]


def test_a_combined_model_adds_its_tables(report, scene):
    import slicer
    from MammoRadiomicsLib import mrml

    tables.write_rows(report / "model_performance.csv", [{"model": "combined", "auc": 0.9}])
    tables.write_rows(report / "comparison.csv", [{"first": "combined", "auc_difference": 0.1, "nri": 0.3, "idi": 0.1}])
    add(scene, report)
    (difference,) = mrml.table_to_rows(slicer.util.getNode("slnm-report: Differences between the models"))
    assert (difference["first"], float(difference["nri"])) == ("combined", 0.3)
    (models,) = mrml.table_to_rows(slicer.util.getNode("slnm-report: Clinical, radiomics and combined model"))
    assert float(models["auc"]) == 0.9


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("out_of_fold.csv", "repeat,outcome\n1,0\n"),
        ("calibration.csv", "a,b\n1,2\n"),
        ("lasso_path.csv", "alpha,error,spread,chosen,f\nx,1,1,1,1\n"),
    ],
)
def test_other_tables_are_refused_with_a_remedy(name, text, report):
    (report / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="Train again"):
        curves.charts_of(report)


def test_a_missing_report_is_refused(tmp_path):
    with pytest.raises(InputError, match="Train again"):
        curves.tables_of(tmp_path)


def test_of_many_features_those_of_the_model_are_kept(report):
    names = [f"f{i}" for i in range(100)]
    rows = [{"alpha": 0.1, "error": 1, "spread": 1, "chosen": 0} | dict.fromkeys(names, 1.0)]
    rows.append({"alpha": 0.2, "error": 1, "spread": 1, "chosen": 1} | dict.fromkeys(names, 0.0) | {"f99": 0.01})
    chart = curves.lasso([{name: str(cell) for name, cell in row.items()} for row in rows])
    assert len(chart.curves) == curves.MOST_FEATURES + 1
    assert chart.curves[0].name == "f99"


def test_of_three_classes_each_set_of_rows_and_each_lasso_has_a_chart(report):
    charts = {chart.key: chart for chart in curves.charts_of(report)}
    if "lasso zero" not in charts:
        pytest.skip("two classes share a chart")
    assert [curve.name for curve in charts["roc training"].curves][:2] == ["zero, training", "low, training"]
    titles = [charts[key].title for key in ("lasso", "lasso zero", "lasso low")]
    assert titles == ["LASSO path, positive", "LASSO path, zero", "LASSO path, low"]


@pytest.fixture
def scene(host):
    import slicer

    return slicer.mrmlScene


def add(scene, report):
    from MammoRadiomicsLib import mrml_plots

    charts, found = curves.charts_of(report), curves.tables_of(report)
    return mrml_plots.add_charts(scene, charts, found, str(report), "slnm-report")


def test_charts_become_nodes_and_are_replaced_not_doubled(scene, report):
    from MammoRadiomicsLib import mrml_plots

    add(scene, report)
    counts = [scene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node") for kind in ("PlotChart", "PlotSeries", "Table")]
    nodes = add(scene, report)
    assert counts[0] == len(nodes)
    assert counts == [scene.GetNumberOfNodesByClass(f"vtkMRML{k}Node") for k in ("PlotChart", "PlotSeries", "Table")]
    assert mrml_plots.charts_of(scene, str(report)) == nodes
    series = nodes["lasso"].GetNthPlotSeriesNode(0)
    points = series.GetTableNode().GetTable()
    assert points.GetColumnByName(series.GetYColumnName()).GetValue(1) == pytest.approx(0.1)
    assert nodes["lasso"].GetXAxisLogScale()


def test_charts_are_shown_side_by_side_each_in_a_view_of_its_own(scene, report):
    import slicer
    from MammoRadiomicsLib import mrml_plots

    nodes = add(scene, report)
    manager = slicer.app.layoutManager()
    mrml_plots.show(manager.layoutLogic().GetLayoutNode(), nodes)
    assert manager.layout == mrml_plots.LAYOUT_ID
    views = [scene.GetNthNodeByClass(i, "vtkMRMLPlotViewNode") for i in range(4)]
    assert {view.GetPlotChartNodeID() for view in views} == {nodes[kind].GetID() for kind in curves.KINDS}


def test_charts_survive_saving_the_scene(scene, report):
    from MammoRadiomicsLib import mrml_plots
    from test_in_slicer import saved_and_loaded_again

    add(scene, report)
    saved_and_loaded_again()
    charts = mrml_plots.charts_of(scene, str(report))
    assert set(charts) >= set(curves.KINDS)
    assert charts["roc"].GetNthPlotSeriesNode(0).GetTableNode().GetNumberOfRows() > 2
