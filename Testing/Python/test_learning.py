"""Training: what is learned from which rows, and that the model file says what scikit-learn says."""

import csv
import dataclasses

import numpy as np
import pytest
from made_up import a_table
from MammoRadiomicsLib import assembly, learning, lesions, model_file, presets
from MammoRadiomicsLib.errors import Cancelled, InputError
from MammoRadiomicsLib.settings import TrainingSettings
from shared_data import shared_folder
from sklearn.linear_model import Lasso

QUICK = TrainingSettings(folds=3, calibration_folds=3, lasso_folds=4)


@pytest.mark.parametrize("classes", [("0", "1"), ("high", "low", "none")])
@pytest.mark.parametrize("views", ["mean", "concat"])
def test_the_model_equals_scikit_learn(classes, views):
    settings = dataclasses.replace(QUICK, views=views)
    table = a_table(classes=classes)
    model = learning.train(table, "outcome", settings).model
    data = lesions.from_table(table, "outcome", views)
    fitted = learning._fit(data.values, data.target, data.patients, settings)
    columns = [data.names.index(name) for name in model.feature_names]
    np.testing.assert_allclose(
        model.probabilities(data.values[:, columns]), assembly.probabilities(fitted, data.values), rtol=0, atol=1e-12
    )


def test_finds_a_signal_and_says_how_well():
    model = learning.train(a_table(), "outcome", QUICK).model
    auc = model.manifest["metrics"]["auc"]["1"]
    assert 0.6 < auc["low"] < auc["mean"] < auc["high"] <= 1
    assert model.manifest["training"]["counts"] == {"0": 30, "1": 30}
    assert "Trained on 60 lesions of 60 patients" in model.card


def test_equal_seeds_give_equal_models_and_others_do_not():
    table = a_table(lesions=40)
    digests = [
        learning.train(table, "outcome", dataclasses.replace(QUICK, random_state=seed)).model.digest
        for seed in (1, 1, 2)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_held_out_rows_never_touch_what_is_learned():
    data = lesions.from_table(a_table(), "outcome")
    train_rows, test_rows = np.arange(40), np.arange(40, 60)
    altered = data.values.copy()
    altered[test_rows] += 1e6
    before, after = (
        learning._fit(values[train_rows], data.target[train_rows], data.patients[train_rows], QUICK)[0]
        for values in (data.values, altered)
    )
    np.testing.assert_array_equal(before.predict_proba(data.values), after.predict_proba(data.values))


def test_synthetic_rows_serve_the_fit_only(monkeypatch):
    """Means, SDs, P values and calibration are those of real rows, whatever SMOTE adds."""
    data = lesions.from_table(a_table(lesions=45, classes=("0", "1", "1")), "outcome")
    seen = []
    filter_rows = learning.differing_columns
    monkeypatch.setattr(learning, "differing_columns", lambda z, *rest: seen.append(len(z)) or filter_rows(z, *rest))
    machine = learning._fit(data.values, data.target, data.patients, QUICK)[0]
    estimator = machine.calibrated_classifiers_[0].estimator
    np.testing.assert_allclose(estimator.mean_, data.values.mean(axis=0))
    np.testing.assert_allclose(estimator.scale_, data.values.std(axis=0))
    assert seen == [30, 30, 30, 45]
    assert estimator.svc_.shape_fit_[0] == 60


def test_the_lasso_is_scikit_learns():
    rng = np.random.default_rng(3)
    z, target = rng.standard_normal((50, 80)), np.arange(50) % 2
    descent = learning.LassoDescent(z, target)
    descent.solve(np.array([0.2, 0.1]))
    weights, intercepts = descent.solve(np.array([0.05]))
    reference = Lasso(alpha=0.05, max_iter=100_000, tol=1e-10).fit(z, target)
    np.testing.assert_allclose(weights[:, 0], reference.coef_, atol=1e-3)
    assert intercepts[0] == pytest.approx(reference.intercept_, abs=1e-3)


def test_ending_the_descent_early_does_not_change_the_penalty(monkeypatch):
    data = lesions.from_table(a_table(), "outcome")
    z = (data.values - data.values.mean(axis=0)) / data.values.std(axis=0)
    alpha, weights, _ = learning.fit_lasso(z, data.target, data.patients, QUICK)
    monkeypatch.setattr(learning, "_PATIENCE", 1000)
    full_alpha, full_weights, _ = learning.fit_lasso(z, data.target, data.patients, QUICK)
    assert alpha == full_alpha
    np.testing.assert_array_equal(weights, full_weights)


def test_smote_can_be_off():
    data = lesions.from_table(a_table(lesions=45, classes=("0", "1", "1")), "outcome")
    machine = learning._fit(data.values, data.target, data.patients, dataclasses.replace(QUICK, smote=False))[0]
    assert machine.calibrated_classifiers_[0].estimator.svc_.shape_fit_[0] == 45


def test_constant_columns_are_left_out():
    table = a_table()
    table.values[:, 5] = 7
    assert table.names[5] not in learning.train(table, "outcome", QUICK).model.feature_names


def test_refuses_a_table_in_which_nothing_varies():
    table = a_table()
    table.values[:] = 7
    with pytest.raises(InputError, match="Every feature has the same value"):
        learning.train(table, "outcome", QUICK)


def test_refuses_mixed_spacings_that_no_resampling_makes_equal():
    table = a_table()
    table.rows[3]["pixel_spacing_mm"] = "0.07"
    with pytest.raises(InputError, match=r"mixes pixel spacings from 0\.07 to 0\.1 mm"):
        learning.train(table, "outcome", QUICK)


def test_refuses_mixed_presets():
    table = a_table()
    table.rows[3]["preset"] = "mammo-2d"
    with pytest.raises(InputError, match="a model needs one"):
        learning.train(table, "outcome", QUICK)


def test_refuses_a_class_too_small_for_the_folds():
    with pytest.raises(InputError, match="The class '0' of outcome has 5 patients; 3 outer and 3 calibration folds"):
        learning.train(a_table(lesions=10), "outcome", QUICK)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"views": "both"}, "views"), ({"folds": 1}, "folds"), ({"p_value": 0}, "p_value"), ({"svm_c": -1}, "svm_c")],
)
def test_refuses_settings_that_make_no_sense(change, sentence):
    with pytest.raises(InputError, match=sentence):
        learning.train(a_table(), "outcome", dataclasses.replace(QUICK, **change))


def test_settings_survive_json():
    assert TrainingSettings.from_json(QUICK.to_json()) == QUICK
    with pytest.raises(InputError, match="no training settings named colour"):
        TrainingSettings.from_json({"colour": 1})


def test_can_be_cancelled_and_reports_progress():
    steps = []

    def progress(done, total, message):
        steps.append((done, total))
        if done == 2:
            raise Cancelled("Stopped by the user.")

    with pytest.raises(Cancelled):
        learning.train(a_table(), "outcome", QUICK, progress)
    assert steps == [(0, 4), (1, 4), (2, 4)]


def test_a_real_table_with_a_strong_signal_is_learned_and_a_permuted_one_is_not():
    """PROSTATEx features of Song et al., PLoS ONE 15:e0237587 (2020)."""
    with (shared_folder("fae_prostatex_table") / "numeric_feature.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = [i for i, name in enumerate(header) if name.startswith("ADC_original")]
    values = np.array([[float(row[i]) for i in columns] for row in rows])
    target = np.array([int(float(row[1])) for row in rows])
    aucs = []
    for labels in (target, np.random.default_rng(4).permutation(target)):
        data = lesions.Lesions(np.arange(260), tuple("x" * len(columns)), values, labels, ("0", "1"), ("",), 0)
        scores = np.full(260, np.nan)
        for _, train_rows, test_rows in learning._outer_folds(data, QUICK):
            fitted = learning._fit(values[train_rows], labels[train_rows], train_rows, QUICK)
            scores[test_rows] = assembly.probabilities(fitted, values[test_rows])[:, 1]
        aucs.append(float((scores[labels == 1][:, None] > scores[labels == 0]).mean()))
    assert aucs[0] > 0.80
    assert abs(aucs[1] - 0.5) < 0.12


@pytest.mark.parametrize("seed", [1, 7, 11])
def test_a_table_without_signal_still_gives_a_model_that_can_be_saved(seed, tmp_path):
    table = a_table(lesions=24)
    table.values[:] = np.random.default_rng(seed).standard_normal(table.values.shape)
    model = learning.train(table, "outcome", dataclasses.replace(QUICK, folds=2)).model
    model_file.save(model, tmp_path / "m.mammomodel")
    assert model_file.load(tmp_path / "m.mammomodel").digest == model.digest


def test_features_of_a_users_parameter_file_need_that_file():
    table = a_table(lesions=24)
    for row in table.rows:
        row["preset"] = "ours"
    ours = dataclasses.replace(presets.load("study-1409"), name="ours")
    with pytest.raises(InputError, match="There is no preset 'ours'"):
        learning.train(table, "outcome", QUICK)
    with pytest.raises(InputError, match="come from the preset ours, not from mammo-2d"):
        learning.train(table, "outcome", QUICK, preset=presets.load("mammo-2d"))
    model = learning.train(table, "outcome", dataclasses.replace(QUICK, folds=2), preset=ours).model
    assert model.preset == ours
