"""Combined models: cross-fitted, without leaks, saved and loaded and applied alike."""

import dataclasses
import json

import numpy as np
import pytest
from made_up import a_table
from made_up_clinical import GRADES, PREDICTORS, QUICK, a_clinical_table, a_combined_training, without_signal
from made_up_model import a_model, features_of
from MammoRadiomicsLib import combination, lasso_svm, learning, lesions, model_file, prediction, validation
from MammoRadiomicsLib.clinical.likelihood import Likelihood
from MammoRadiomicsLib.clinical_terms import ClinicalTerm
from MammoRadiomicsLib.errors import InputError, ModelFileError
from MammoRadiomicsLib.evaluation import mean_auc
from MammoRadiomicsLib.predictors import Predictors, names_of, unit_of
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.tables import FeatureTable
from test_model_file import forged

VALUES = {"age": 52, "breast_density": "C"}


def with_cells(table: FeatureTable, change) -> FeatureTable:
    return FeatureTable([row | change(row) for row in table.rows], table.names, table.values)


def test_radiomics_is_what_it_is_without_clinical_predictors():
    alone = learning.train(a_clinical_table(), "outcome", QUICK)
    beside = a_combined_training()
    for key, evidence in alone.evidence.items():
        np.testing.assert_array_equal(evidence.probabilities, beside.evidence[key].probabilities)
    assert alone.combined is None
    assert alone.model.clinical_terms == ()


def test_a_clinical_signal_is_found_and_a_column_that_tells_nothing_has_an_interval_over_one():
    ratios = {(row["model"], row["term"], row["level"]): row for row in a_combined_training().combined.odds_ratios}
    age = ratios["combined", "age", ""]
    assert age["low"] > 1
    assert age["per"] == "1 years"
    for level in "ABD":
        assert (
            ratios["clinical", "breast_density", level]["low"] < 1 < ratios["clinical", "breast_density", level]["high"]
        )
    aucs = {model: mean_auc(each["cross_validated"]) for model, each in a_combined_training().combined.evidence.items()}
    assert aucs["clinical"] > 0.6
    assert aucs["combined"] > max(aucs["clinical"], aucs["radiomics"]) - 0.02


def test_altered_test_rows_leave_the_combined_model_bit_for_bit():
    def sides(row):
        return {"split": "test" if int(row["patient_id"][1:]) >= 45 else "train"}

    table = with_cells(a_clinical_table(), sides)
    settings = dataclasses.replace(QUICK, split="split", folds=2)
    before = learning.train(table, "outcome", settings, predictors=PREDICTORS)
    values = table.values.copy()
    test = np.array([row["split"] == "test" for row in table.rows])
    values[test] = -values[test]
    altered = with_cells(
        FeatureTable(table.rows, table.names, values),
        lambda row: {"age": "99", "breast_density": "Z"} if row["split"] == "test" else {},
    )
    after = learning.train(altered, "outcome", settings, predictors=PREDICTORS)
    for name in ("clinical_coef", "clinical_intercept", "reference_combined", "lasso_coef"):
        np.testing.assert_array_equal(before.model.arrays[name], after.model.arrays[name])
    assert before.model.clinical_terms == after.model.clinical_terms
    assert any("15 test lesions have a level that training lacks" in note for note in after.combined.notes)
    first, second = (each.combined.evidence["combined"]["test"].probabilities for each in (before, after))
    assert not np.allclose(first, second)


def test_a_radscore_of_noise_adds_nothing_when_cross_fitted_and_seems_to_when_not():
    cross, same = [], []
    for seed in range(4):
        data = lesions.from_table(without_signal(a_table(lesions=60), seed), "outcome")
        stable = StableColumns.all(len(data.names))
        with validation.quick_and_single():
            fitted = lasso_svm.fit(data.values, data.target, data.patients, stable, QUICK)
            scores = lasso_svm.cross_fitted_radscores(fitted, data, stable, QUICK)
        apparent = lasso_svm.selection_of(fitted).radscores(data.values)
        none = np.zeros((len(data.target), 0))
        for found, x in ((cross, scores), (same, apparent)):
            slope = combination.fit(x, none, data.target).combined.coefficients[0, 0]
            found.append(slope * x.std())
    assert abs(np.mean(cross)) < 0.3
    assert np.mean(same) > 0.45


def test_the_radscores_of_the_fit_come_from_folds_that_keep_patients_together():
    table = a_table(lesions=60)
    data = lesions.from_table(table, "outcome")
    # Two lesions of each patient, of one class.
    keys = tuple((f"P{i // 4}-{i % 2}", side, "1") for i, (_, side, _) in enumerate(data.keys))
    data = dataclasses.replace(data, keys=keys)
    with validation.quick_and_single():
        stable = StableColumns.all(len(data.names))
        fitted = lasso_svm.fit(data.values, data.target, data.patients, stable, QUICK)
        before = lasso_svm.cross_fitted_radscores(fitted, data, stable, QUICK)
        patient = data.patients == data.patients[0]
        values = data.values + 50 * patient[:, None]
        changed = dataclasses.replace(data, values=values)
        after = lasso_svm.cross_fitted_radscores(
            lasso_svm.fit(values, data.target, data.patients, stable, QUICK), changed, stable, QUICK
        )
    assert patient.sum() == 2
    folds = lasso_svm._calibration_splits(data.values, data.target, data.patients, QUICK)
    own = next(held_out for _, held_out in folds if patient[held_out].any())
    others = np.setdiff1d(own, np.flatnonzero(patient))
    # Its own fold's selection has not seen the patient, so its fold mates keep their radscores.
    np.testing.assert_array_equal(before[others], after[others])
    assert not np.allclose(before[patient], after[patient])


def test_the_result_is_the_same_for_any_number_of_processes():
    settings = dataclasses.replace(QUICK, folds=2)
    found = [learning.train(a_clinical_table(), "outcome", settings, jobs=n, predictors=PREDICTORS) for n in (1, 2)]
    assert found[0].model.digest == found[1].model.digest
    assert found[0].combined.comparisons == found[1].combined.comparisons


def test_three_classes_peak_in_their_order_along_the_radscore():
    model = a_combined_training(GRADES).model
    scores = np.linspace(*model.manifest["clinical"]["radscore"], 50)
    columns = np.column_stack([scores, np.zeros((50, model.arrays["clinical_coef"].shape[1] - 1))])
    columns[:, 1] = 58
    fit = combination.Logistic(model.arrays["clinical_intercept"], model.arrays["clinical_coef"])
    peaks = fit.probabilities(columns).argmax(axis=0)
    assert peaks[0] < peaks[1] < peaks[2]
    assert 0 < peaks[1] < 49


def test_neighbouring_classes_fitted_by_themselves_come_near_the_joint_multinomial_fit():
    """Against statsmodels' MNLogit on 1,500 rows of a true multinomial logit model."""
    from statsmodels.discrete.discrete_model import MNLogit

    rng = np.random.default_rng(5)
    x = rng.standard_normal((1500, 2))
    log_odds = np.column_stack([0.3 + 1.0 * x[:, 0], -0.4 + 2.0 * x[:, 0] + 0.5 * x[:, 1]])
    chances = combination.class_probabilities(log_odds)
    target = (rng.random(1500)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    ours = combination._logistic(x, target)
    theirs = MNLogit(target, np.column_stack([np.ones(1500), x])).fit(disp=0).params
    np.testing.assert_allclose(ours.coefficients, theirs[1:].T, atol=0.12)
    np.testing.assert_allclose(
        ours.probabilities(x), combination.class_probabilities(np.column_stack([np.ones(1500), x]) @ theirs), atol=0.03
    )


def test_firths_penalty_keeps_separated_classes_finite_and_mean_risk_is_the_share():
    rng = np.random.default_rng(2)
    target = np.repeat([0, 1], [30, 15])
    x = np.column_stack([target + 0.01 * rng.standard_normal(45), rng.standard_normal(45)])
    fit = combination._logistic(x, target)
    assert np.isfinite(fit.coefficients).all()
    assert fit.probabilities(x)[:, 1].mean() == pytest.approx(15 / 45, abs=1e-8)


def test_steps_over_the_maximum_are_cut_short():
    """Thirty rows on which whole steps jump to and fro between two places of one likelihood."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        y = np.repeat([0.0, 1.0], 15)
        x = np.column_stack([np.ones(30), rng.standard_normal((30, 5)) + 0.8 * y[:, None]])
        likelihood = Likelihood(x, y, firth=True)
        best = likelihood.maximise()
        assert np.abs(likelihood._at(best.coefficients)[1]).max() < 1e-6


def test_a_loaded_model_predicts_what_the_saved_one_did(tmp_path):
    for classes in (("0", "1"), GRADES):
        model = a_combined_training(classes).model
        loaded = model_file.load(model_file.save(model, tmp_path / "m.mammomodel"))
        features = features_of(model, 0.4)
        assert loaded.predict(features, clinical=VALUES) == model.predict(features, clinical=VALUES)
        assert loaded.clinical_terms == model.clinical_terms
        assert model_file.from_text(model.to_text()).digest == model.digest


def test_the_model_says_what_the_training_measured():
    training = a_combined_training()
    model, data = training.model, training.lesions
    columns = [data.names.index(name) for name in model.feature_names]
    for i in (0, 7, 31):
        row = data.rows[i]
        features = dict(zip(model.feature_names, data.values[i, columns].tolist(), strict=True))
        found = model.predict(features, clinical={name: row[name] for name in ("age", "breast_density")})
        measured = training.combined.evidence["combined"]["training"].probabilities[0, i]
        assert list(found.probabilities.values()) == pytest.approx(measured.tolist(), abs=1e-12)
        alone = training.evidence["training"].probabilities[0, i]
        assert list(found.radiomics_probabilities.values()) == pytest.approx(alone.tolist(), abs=1e-9)
    assert model.metrics == training.combined.metrics["combined"]
    assert "COMBINED MODEL" in model.card


def test_the_explanation_shares_out_the_combined_probability_with_the_clinical_values():
    model = a_combined_training().model
    features = features_of(model, 0.7)
    explained = model.explain(features, clinical=VALUES)
    probability = model.predict(features, clinical=VALUES).probabilities["1"]
    assert explained["base"]["1"] + sum(explained["values"]["1"].values()) == pytest.approx(probability)
    assert {"age", "breast_density"} < set(explained["values"]["1"])


def test_a_local_prevalence_moves_the_combined_probability_by_a_constant_on_the_log_odds():
    model = a_combined_training().model
    moves = []
    for age in (40, 60):
        found = model.predict(features_of(model, 0.2), clinical=VALUES | {"age": age}, prevalence={"1": 0.2})
        odds = [each["1"] / each["0"] for each in (found.probabilities, found.local_probabilities)]
        moves.append(odds[1] / odds[0])
    assert moves == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize(
    ("clinical", "sentence"),
    [
        ({}, r"needs age \(years, .* in training\) and breast_density \(C, A, B or D\)\. Give what is missing"),
        ({"age": "", "breast_density": "C"}, r"needs age \(years"),
        ({"age": "old", "breast_density": "C"}, "'old' is no such number"),
        ({"age": "1e300", "breast_density": "C"}, "'1e300' is no such number"),
        ({"age": 52, "breast_density": "E"}, "'E' is none of these"),
        (VALUES | {"size": 3}, "takes no clinical value 'size'"),
    ],
)
def test_clinical_values_that_make_no_sense_are_refused_by_name(clinical, sentence):
    model = a_combined_training().model
    with pytest.raises(InputError, match=sentence):
        model.predict(features_of(model), clinical=clinical)


def test_a_value_beyond_the_training_is_a_warning_and_text_is_read_as_a_number():
    model = a_combined_training().model
    found = model.predict(features_of(model), clinical={"age": "95.0", "breast_density": "C"})
    assert any(warning.startswith("age is 95 years here, ") for warning in found.warnings)
    assert found.clinical == {"age": {"value": 95.0, "unit": "years"}, "breast_density": {"value": "C", "unit": ""}}
    assert found == model.predict(features_of(model), clinical={"age": 95, "breast_density": "C"})


def test_a_model_of_radiomics_alone_takes_no_clinical_value():
    with pytest.raises(InputError, match="it takes none"):
        a_model().predict(features_of(a_model()), clinical={"age": 52})


def test_a_table_gives_its_clinical_values_itself_and_one_without_them_fails_by_name():
    training = a_combined_training()
    table = a_clinical_table()
    rows = prediction.predict_table(training.model, table)
    assert [row["failure"] for row in rows] == [""] * 60
    first = training.combined.evidence["combined"]["training"].probabilities[0, 0]
    assert rows[0]["probability_1"] == pytest.approx(first[1], abs=1e-9)
    assert 0 < rows[0]["radiomics_probability_1"] < 1
    without = with_cells(table, lambda row: {"age": ""} if row["patient_id"] == "P003" else {})
    failed = [row for row in prediction.predict_table(training.model, without) if row["failure"]]
    assert [row["patient_id"] for row in failed] == ["P003"]
    assert "needs age (years" in failed[0]["failure"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("clinical_coef", lambda array: array + 0.1),
        ("clinical_intercept", lambda array: array + 1e-6),
        ("clinical_coef", lambda array: array[:, 1:]),
        ("clinical_coef", lambda array: array * np.nan),
        ("reference_clinical", lambda array: array + 0.5),
        ("reference_combined", lambda array: array + 1e-8),
    ],
)
def test_forged_clinical_numbers_are_refused(tmp_path, name, change):
    model = a_combined_training().model
    with pytest.raises(ModelFileError, match=r"not a model's|reference outputs differ"):
        model_file.load(forged(model, tmp_path / "m.mammomodel", arrays={name: change(model.arrays[name])}))


@pytest.mark.parametrize(
    "change",
    [
        {"time": "surgery"},
        {"levels": ["A"]},
        {"levels": ["A", "A", "B"]},
        {"name": 5},
        {"name": ""},
        {"name": "radscore"},
        {"minimum": "a"},
        {"minimum": 1e99, "maximum": 2e99},
        {"extra": 1},
    ],
)
def test_forged_clinical_terms_are_refused(tmp_path, change):
    model = a_combined_training().model
    manifest = json.loads(json.dumps(model.manifest))
    manifest["clinical"]["terms"][0] |= change
    with pytest.raises(ModelFileError, match="not a model's"):
        model_file.load(forged(model, tmp_path / "m.mammomodel", manifest))


def test_missing_clinical_values_are_refused_left_out_or_filled_and_counted():
    table = with_cells(a_clinical_table(), lambda row: {"age": "NA"} if row["patient_id"] < "P004" else {})
    settings = dataclasses.replace(QUICK, folds=2)
    with pytest.raises(InputError, match="P000 has no value of age; 4 lesions lack a clinical value"):
        learning.train(table, "outcome", settings, predictors=PREDICTORS)
    complete = learning.train(
        table, "outcome", dataclasses.replace(settings, missing="complete"), predictors=PREDICTORS
    )
    assert complete.lesions.excluded == {"a clinical value is missing": 4}
    assert len(complete.lesions.target) == 56
    filled = learning.train(table, "outcome", dataclasses.replace(settings, missing="impute"), predictors=PREDICTORS)
    assert len(filled.lesions.target) == 60
    assert filled.combined.notes[0].startswith("4 training lesions lack a clinical value")


@pytest.mark.parametrize(
    ("predictors", "sentence"),
    [
        (Predictors(("nerve_invasion",)), "nerve_invasion is known only after surgery"),
        (Predictors(("age",), times={"age": "surgery"}), "age is known only after surgery"),
        (Predictors(("new",)), "Say so: --time new=imaging"),
        (Predictors(("new",), times={"new": "later"}), "The time of new is 'later'"),
        (Predictors(("nothing",)), "no such column"),
        (Predictors(("outcome",)), "it is the outcome"),
        (Predictors(("view",)), "who or where"),
        (Predictors(("radscore",), times={"radscore": "imaging"}), "rename the column"),
        (Predictors(("study", "age")), "Give it alone"),
        (Predictors(("age",), units={"size": "mm"}), "size is described but is no predictor"),
        (Predictors(("age",), references={"age": "50"}), "no reference level"),
        (Predictors(("breast_density",), references={"breast_density": "E"}), "no level 'E'"),
        (Predictors(("breast_density",), units={"breast_density": "mm"}), "which has no unit"),
        (Predictors(("calcification",)), "one value only"),
        (Predictors(("age", "again"), times={"again": "imaging"}), "determined by the variables before"),
    ],
)
def test_predictors_that_cannot_serve_are_refused_in_a_sentence(predictors, sentence):
    def more(row):
        invasion = "yes" if row["patient_id"] < "P030" else "no"
        new = str(int(row["patient_id"][1:]) % 2)
        cells = {"nerve_invasion": invasion, "new": new, "calcification": "yes", "again": row["age"]}
        return cells | {"radscore": row["age"]}

    with pytest.raises(InputError, match=sentence):
        learning.train(with_cells(a_clinical_table(), more), "outcome", QUICK, predictors=predictors)


@pytest.mark.parametrize(("outcome", "refused"), [("her2", True), ("er", True), ("slnm", False)])
def test_a_subtype_is_no_predictor_of_what_it_is_made_of(outcome, refused):
    table = with_cells(a_clinical_table(), lambda row: {outcome: row["outcome"], "Subtype": row["breast_density"]})
    if refused:
        with pytest.raises(
            InputError, match="Subtype cannot be a predictor: it is the outcome, part of it or made of it"
        ):
            names_of(Predictors(("Subtype",)), table, outcome)
    else:
        assert names_of(Predictors(("Subtype",)), table, outcome) == ("Subtype",)


def test_what_a_subtype_is_made_of_is_no_predictor_of_it():
    table = with_cells(a_clinical_table(), lambda row: {"subtype": row["outcome"], "ER": row["breast_density"]})
    with pytest.raises(InputError, match="ER cannot be a predictor: it is the outcome, part of it or made of it"):
        names_of(Predictors(("ER",)), table, "subtype")


def test_an_outcome_among_the_studys_variables_is_no_predictor_of_itself():
    table = with_cells(a_clinical_table(), lambda row: {"slnm": row["outcome"]})
    settings = dataclasses.replace(QUICK, folds=2)
    training = learning.train(table, "slnm", settings, predictors=Predictors(("study",)))
    assert {term.name for term in training.combined.terms} == {"age", "breast_density"}


def test_a_column_that_is_named_twice_enters_once():
    settings = dataclasses.replace(QUICK, folds=2)
    training = learning.train(a_clinical_table(), "outcome", settings, predictors=Predictors(("age", "age")))
    assert [term.name for term in training.combined.terms] == ["age"]


def test_the_studys_variables_are_compared_and_make_no_combined_model():
    def invasion(row):
        return {"nerve_invasion": "yes" if int(row["patient_id"][1:]) % 3 else "no", "calcification": "yes"}

    training = learning.train(
        with_cells(a_clinical_table(), invasion), "outcome", dataclasses.replace(QUICK, folds=2),
        predictors=Predictors(("study",)),
    )  # fmt: skip
    assert training.combined.label == "not a preoperative model"
    assert {term.name for term in training.combined.terms} == {"age", "breast_density", "nerve_invasion"}
    assert training.combined.notes == ("calcification was left out: has one value only.",)
    assert training.model.clinical_terms == ()
    assert "clinical" not in training.model.manifest


def test_views_of_a_lesion_must_agree_and_one_of_them_is_enough():
    empty = with_cells(a_clinical_table(), lambda row: {"age": ""} if row["view"] == "MLO" else {})
    data = learning.lesions_of(empty, "outcome", QUICK, PREDICTORS.names)
    assert all(row["age"] for row in data.rows)
    other = with_cells(a_clinical_table(), lambda row: {"age": "51"} if row["view"] == "MLO" else {})
    with pytest.raises(InputError, match="contradicting values of age"):
        learning.lesions_of(other, "outcome", QUICK, PREDICTORS.names)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("age", "years"), ("Ki67 (%)", "%"), ("Lesion size [cm]", "cm"), ("size_mm", "mm"), ("bmi", ""), ("storm", "")],
)
def test_a_unit_is_what_the_name_states(name, unit):
    assert unit_of(name) == unit


def test_a_term_says_what_it_asks_for():
    assert ClinicalTerm("size", "mm", "imaging", (), 5.0, 40.0).asked == "size (mm, 5 to 40 in training)"
    assert ClinicalTerm("margin", "", "imaging", ("smooth", "spiculated")).asked == "margin (smooth or spiculated)"
