"""Centres left out of the training, and what is said of each."""

import dataclasses

import numpy as np
import pytest
from made_up_centres import a_table_of_scanners, lesions_of_scanners
from MammoRadiomicsLib import centre_runs, centres, lesions
from MammoRadiomicsLib.centres import ALL, HARMONISED, LEFT_OUT, TRANSDUCTIVE, WITHIN
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.evaluation import Evidence
from MammoRadiomicsLib.reports import centre_figures
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings

QUICK = TrainingSettings(folds=3, calibration_folds=3, lasso_folds=3, alpha_min=1e-2, alpha_count=10)


def leave_out(data, jobs=1):
    return centre_runs.leave_one_out(data, StableColumns.all(len(data.names)), QUICK, jobs=jobs)


def evidence_of(data, probability) -> Evidence:
    probabilities = np.column_stack([1 - probability, probability])[None]
    return Evidence("cross-validated", data.classes, data.target, data.patients, probabilities)


@pytest.fixture(scope="module")
def data():
    return lesions_of_scanners()


@pytest.fixture(scope="module")
def left_out(data):
    return leave_out(data)


def row_of(rows, centre, evidence):
    return next(row for row in rows if (row["centre"], row["evidence"]) == (centre, evidence))


def test_a_shifted_scanner_is_lost_unharmonised_and_regained_with_its_unlabelled_rows(data, left_out):
    rows = centres.performance(left_out, {}, data.centres, 15)
    without, with_rows = row_of(rows, ALL, LEFT_OUT), row_of(rows, ALL, TRANSDUCTIVE)
    assert without["auc"] < 0.65
    assert with_rows["auc"] > 0.9
    assert with_rows["auc_gain"] == pytest.approx(with_rows["auc"] - without["auc"], abs=1e-12)
    assert with_rows["gain_low"] > 0.1
    of_alpha = [abs(row_of(rows, "Alpha", kind)["calibration_intercept"]) for kind in (LEFT_OUT, TRANSDUCTIVE)]
    assert of_alpha[1] < 0.3 < of_alpha[0]


def test_every_centre_has_its_row_with_what_was_counted(data, left_out):
    within = evidence_of(data, np.where(data.target == 1, 0.8, 0.2))
    rows = centres.performance(left_out, {WITHIN: within, HARMONISED: within}, data.centres, 15)
    assert [(row["centre"], row["evidence"]) for row in rows] == [
        (name, kind)
        for name in ("Alpha", "Beta", "Gamma", ALL)
        for kind in (LEFT_OUT, TRANSDUCTIVE, WITHIN, HARMONISED)
    ]
    assert [row["lesions"] for row in rows] == [40] * 12 + [120] * 4
    assert [row["events"] for row in rows] == [20] * 12 + [60] * 4
    for kind in (LEFT_OUT, TRANSDUCTIVE, WITHIN):
        of_centres = [row_of(rows, name, kind)["auc"] for name in ("Alpha", "Beta", "Gamma")]
        assert row_of(rows, ALL, kind)["auc"] == pytest.approx(np.mean(of_centres), abs=1e-12)
    methods = [row_of(rows, "Beta", kind)["method"] for kind in (LEFT_OUT, TRANSDUCTIVE, WITHIN)]
    assert methods == ["DeLong"] + ["patient bootstrap, models held fixed"] * 2
    assert row_of(rows, "Beta", WITHIN)["auc"] == 1
    assert row_of(rows, "Beta", WITHIN)["brier"] == pytest.approx(0.04)
    assert row_of(rows, "Beta", HARMONISED)["auc_gain"] == 0


def test_the_mean_of_two_centres_alike_is_surer_than_one():
    """Of independent estimates with equal variances the mean has an interval narrower by the square root of two."""
    rng, n = np.random.default_rng(2), 100
    target = np.tile([0, 1], n)
    score = np.tile(1 / (1 + np.exp(-rng.standard_normal(n) - np.tile([0, 1], n // 2))), 2)
    patients = np.array([f"P{i:03d}" for i in range(2 * n)])
    both = Evidence("cross-validated", ("0", "1"), target, patients, np.column_stack([1 - score, score])[None])
    labels = ("A",) * n + ("B",) * n
    rows = centres.performance(centres.LeftOut({LEFT_OUT: {}, TRANSDUCTIVE: {}}, {}), {WITHIN: both}, labels, 15)
    widths = [row_of(rows, name, WITHIN)["high"] - row_of(rows, name, WITHIN)["low"] for name in ("A", ALL)]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(2), rel=0.1)


def test_the_rows_of_a_centre_have_no_part_in_what_predicts_it(data, left_out):
    out = np.array(data.centres) == "Beta"
    altered = data.values.copy()
    altered[out] *= 3
    turned = np.where(out, 1 - data.target, data.target)
    again = leave_out(dataclasses.replace(data, target=turned))
    assert (again.evidence[LEFT_OUT]["Beta"].probabilities == left_out.evidence[LEFT_OUT]["Beta"].probabilities).all()
    both = (again.evidence[TRANSDUCTIVE]["Beta"], left_out.evidence[TRANSDUCTIVE]["Beta"])
    assert (both[0].probabilities == both[1].probabilities).all()
    rows, others = np.flatnonzero(out), np.flatnonzero(~out)
    names = np.array(data.centres)
    moved, before = (centre_runs.transductive(each, names, others, rows) for each in (altered, data.values))
    assert (moved[others] == before[others]).all()


def test_several_processes_give_the_same(data, left_out):
    parallel = leave_out(data, jobs=2)
    for kind in (LEFT_OUT, TRANSDUCTIVE):
        for name, evidence in left_out.evidence[kind].items():
            assert (parallel.evidence[kind][name].probabilities == evidence.probabilities).all()


def test_a_patient_of_two_centres_trains_no_model_that_predicts_him(data):
    keys = list(data.keys)
    first, last = data.centres.index("Alpha"), data.centres.index("Beta")
    keys[last] = (keys[first][0], "", "2")
    twice = dataclasses.replace(data, keys=tuple(keys))
    altered = dataclasses.replace(twice, values=twice.values.copy())
    altered.values[last] = 1e4
    found, other = leave_out(twice), leave_out(altered)
    assert found.notes["Alpha"] == ["1 of its patients are in other centres too and took no part in the training"]
    of_alpha = [each.evidence[LEFT_OUT]["Alpha"].probabilities for each in (found, other)]
    assert (of_alpha[0] == of_alpha[1]).all()
    assert found.notes["Gamma"] == []


def test_centres_too_small_or_of_one_class_are_named_and_given_no_area(data):
    names = np.array(data.centres, dtype=object)
    names[np.flatnonzero((names == "Gamma") & (data.target == 1))[:4]] = "Delta"
    names[np.flatnonzero(names == "Gamma")[:2]] = "Pair"
    found = leave_out(dataclasses.replace(data, centres=tuple(names.tolist())))
    rows = centres.performance(found, {}, tuple(names.tolist()), 15)
    delta, pair = row_of(rows, "Delta", LEFT_OUT), row_of(rows, "Pair", LEFT_OUT)
    assert (delta["auc"], delta["calibration_slope"], delta["prevalence"], delta["lesions"]) == ("", "", 1, 4)
    assert "no transductive run: Pair has 2 rows" in pair["note"]
    assert delta["note"].startswith("in its transductive run too small to be harmonised: Pair; fewer than 5 patients")
    assert row_of(rows, ALL, TRANSDUCTIVE)["note"] == "3 centres"
    assert [row["evidence"] for row in rows if row["centre"] == "Pair"] == [LEFT_OUT]


def test_a_centre_that_the_others_cannot_do_without_is_said_not_to_be_left_out(data):
    names = tuple("Most" if i < 116 else "Rest" for i in range(120))
    found = leave_out(dataclasses.replace(data, centres=names))
    rows = centres.performance(found, {}, names, 15)
    assert row_of(rows, "Most", LEFT_OUT)["note"] == (
        "not left out: the others have 2 patients of the class 0, 3 are needed"
    )
    assert "Most" not in found.evidence[LEFT_OUT]


def test_of_two_centres_one_is_the_reference_of_the_other():
    data = lesions_of_scanners(60, scanners=("Alpha", "Beta"))
    names = np.array(data.centres)
    known, new = np.flatnonzero(names == "Alpha"), np.flatnonzero(names == "Beta")
    values = centre_runs.transductive(data.values, names, known, new)
    np.testing.assert_allclose(values[known], data.values[known], rtol=1e-13)
    distance = [
        np.abs(each[new].mean(axis=0) - data.values[known].mean(axis=0)).mean() for each in (data.values, values)
    ]
    assert distance[1] < 0.1 * distance[0]


def test_one_centre_alone_is_refused(data):
    with pytest.raises(InputError, match="one centre only, 'Alpha'"):
        leave_out(data.take(np.flatnonzero(np.array(data.centres) == "Alpha")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column": "centre"}, "no column centre"),
        ({"cell": ""}, "P000 has nothing in the column scanner"),
    ],
)
def test_a_table_that_does_not_say_its_centres_is_refused(change, message):
    table = a_table_of_scanners(12)
    table.rows[0]["scanner"] = change.get("cell", "Alpha")
    with pytest.raises(InputError, match=message):
        lesions.from_table(table, "outcome", centre=change.get("column", "scanner"))


def test_a_lesion_whose_views_come_from_two_scanners_is_refused():
    table = a_table_of_scanners(12)
    table.rows[1] |= {"patient_id": "P000", "view": "MLO", "outcome": "0", "scanner": "Beta"}
    table.rows[0]["view"] = "CC"
    with pytest.raises(InputError, match="P000 has views of 'Alpha' and 'Beta' in the column scanner"):
        lesions.from_table(table, "outcome", centre="scanner")


def test_the_figure_shows_every_centre_and_kind_and_says_what_transductive_means(data, left_out):
    within = evidence_of(data, np.where(data.target == 1, 0.8, 0.2))
    rows = centres.performance(left_out, {WITHIN: within}, data.centres, 15)
    figure = centre_figures.performance(rows, "scanner")
    texts = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    for name in (*sorted(set(data.centres)), ALL):
        assert any(text.startswith(f"{name}\n") for text in texts)
    assert {LEFT_OUT, TRANSDUCTIVE, WITHIN} <= set(texts)
    assert sum(text.count(" to ") for text in texts if text.startswith("0.") or text.startswith("1.")) == len(rows)
    assert any("without outcomes" in text.replace("\n", " ") for text in texts)
