"""What is written beside a model: complete, consistent with the model, and drawn without a window."""

import csv
import json

import numpy as np
import pytest
from made_up import a_table
from MammoRadiomicsLib import figures, learning, protocols, report
from MammoRadiomicsLib.settings import TrainingSettings

QUICK = TrainingSettings(folds=2, repeats=2, calibration_folds=3, lasso_folds=3)


@pytest.fixture(scope="module", params=[("0", "1"), ("high", "low", "none")])
def training(request):
    return learning.train(a_table(classes=request.param), "outcome", QUICK)


def test_the_report_holds_every_number_behind_the_figures(training, tmp_path):
    claims = protocols.compare(training, seeds=2)
    paths = report.write(training, claims, tmp_path / "report")
    assert {path.name for path in paths} == {path.name for path in (tmp_path / "report").iterdir()}
    with (tmp_path / "report" / "out_of_fold.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 60
    name = training.model.classes[-1]
    found = np.array([float(row[f"probability_{name}"]) for row in rows]).reshape(2, 60)
    np.testing.assert_array_equal(found, training.out_of_fold[:, :, -1])
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics == training.model.manifest["metrics"]
    brier = ((found.mean(axis=0) - (training.lesions.target == len(training.model.classes) - 1)) ** 2).mean()
    assert metrics["brier"][name] == pytest.approx(brier)


def test_the_claim_of_the_nested_protocol_is_the_models_own(training):
    claims = [claim["auc"] for claim in protocols.compare(training, seeds=1) if claim["protocol"] == "nested"]
    aucs = [auc["mean"] for auc in training.model.manifest["metrics"]["auc"].values()]
    assert np.mean(claims) == pytest.approx(np.mean(aucs))


def test_each_class_has_its_row_of_curves(training):
    figure = figures.performance(training)
    rows = 1 if len(training.model.classes) == 2 else 3
    assert len(figure.axes) == 3 * rows
    assert {axes.get_xlabel() for axes in figure.axes} == {
        "1 - specificity",
        "Predicted probability",
        "Threshold probability",
    }
