"""Performance figures against published or independently computed values."""

import csv

import numpy as np
import pytest
from MammoRadiomicsLib import evaluation
from shared_data import shared_folder
from sklearn.metrics import roc_auc_score


# pROC's tests on its aSAH data (Robin et al., BMC Bioinformatics 12:77, 2011).
@pytest.mark.parametrize(("marker", "published"), [("s100b", 0.7313686), ("ndka", 0.6119580), ("wfns", 0.8236789)])
def test_the_auc_is_that_of_proc(marker, published):
    with (shared_folder("stats_references") / "aSAH.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    positive = np.array([row["outcome"] == "Poor" for row in rows])
    scores = np.array([[float(row[marker]) for row in rows]])
    (auc,) = evaluation.weighted_auc(positive, scores, np.ones((1, len(rows))))
    assert auc == pytest.approx(published, abs=5e-8)


def test_weights_count_rows_as_often_as_they_are_drawn():
    rng = np.random.default_rng(0)
    positive, scores, drawn = rng.random(50) < 0.4, rng.random((3, 50)), rng.integers(0, 3, (1, 50))
    rows = np.repeat(np.arange(50), drawn[0])
    expected = np.mean([roc_auc_score(positive[rows], score[rows]) for score in scores])
    assert evaluation.weighted_auc(positive, scores, drawn.astype(float))[0] == pytest.approx(expected)


def test_a_resample_without_one_class_has_no_auc():
    auc = evaluation.weighted_auc(np.array([True, False]), np.array([[0.1, 0.2]]), np.array([[1.0, 0.0]]))
    assert np.isnan(auc[0])


def test_the_interval_resamples_patients_not_rows():
    """Rows that repeat a patient add no information, so they must not narrow the interval."""
    rng = np.random.default_rng(1)
    target = np.arange(60) % 2
    scores = rng.random((1, 60)) + 0.3 * target
    out_of_fold = np.stack([1 - scores, scores], axis=2)
    once = evaluation.cross_validated(out_of_fold, target, ("0", "1"), np.arange(60), 5)["auc"]["1"]
    repeated = evaluation.cross_validated(
        np.tile(out_of_fold, (1, 4, 1)), np.tile(target, 4), ("0", "1"), np.tile(np.arange(60), 4), 5
    )["auc"]["1"]
    assert repeated == pytest.approx(once)
