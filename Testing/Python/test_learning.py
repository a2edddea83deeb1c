"""Training: what is learned from which rows, and that the model file says what scikit-learn says."""

import csv
import dataclasses

import numpy as np
import pytest
from made_up import a_table
from MammoRadiomicsLib import (
    assembly,
    lasso_svm,
    learning,
    lesions,
    model_file,
    presets,
    selection,
    stability,
    tables,
    validation,
)
from MammoRadiomicsLib.errors import Cancelled, InputError
from MammoRadiomicsLib.evaluation import mean_auc
from MammoRadiomicsLib.progress import silent
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings
from shared_data import shared_folder

QUICK = TrainingSettings(folds=3, calibration_folds=3, lasso_folds=4)


def fitted_on(data, rows=slice(None), settings=QUICK):
    """Fit on some lesions, with no filter for stability."""
    stable = StableColumns.all(data.values.shape[1])
    return lasso_svm.fit(data.values[rows], data.target[rows], data.patients[rows], stable, settings)


@pytest.mark.parametrize("classes", [("0", "1"), ("high", "low", "none")])
@pytest.mark.parametrize("views", ["mean", "concat"])
def test_the_model_equals_scikit_learn(classes, views):
    settings = dataclasses.replace(QUICK, views=views)
    table = a_table(classes=classes)
    model = learning.train(table, "outcome", settings).model
    data = lesions.from_table(table, "outcome", views)
    fitted = fitted_on(data, settings=settings)
    columns = [data.names.index(name) for name in model.feature_names]
    np.testing.assert_allclose(
        model.probabilities(data.values[:, columns]), assembly.probabilities(fitted, data.values), rtol=0, atol=1e-12
    )


def test_finds_a_signal_and_says_how_well():
    model = learning.train(a_table(), "outcome", QUICK).model
    auc = model.manifest["metrics"]["cross_validated"]["auc"]["1"]
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
        fitted_on(dataclasses.replace(data, values=values), train_rows)[0] for values in (data.values, altered)
    )
    np.testing.assert_array_equal(before.predict_proba(data.values), after.predict_proba(data.values))


def test_synthetic_rows_serve_the_fit_only(monkeypatch):
    """Means, SDs, P values and calibration are those of real rows, whatever SMOTE adds."""
    data = lesions.from_table(a_table(lesions=45, classes=("0", "1", "1")), "outcome")
    seen = []
    filter_rows = selection.differing_columns
    monkeypatch.setattr(selection, "differing_columns", lambda z, *rest: seen.append(len(z)) or filter_rows(z, *rest))
    estimator = fitted_on(data)[0].calibrated_classifiers_[0].estimator
    np.testing.assert_allclose(estimator.selection_.mean, data.values.mean(axis=0))
    np.testing.assert_allclose(estimator.selection_.scale, data.values.std(axis=0))
    assert seen == [30, 30, 30, 45]
    assert estimator.svc_.shape_fit_[0] == 60


def with_readers(table, noise):
    """Add outlines of a second reader; `noise` per feature says how much they differ."""
    rng = np.random.default_rng(9)
    rows = [row | {"reader": "A"} for row in table.rows] + [row | {"reader": "B"} for row in table.rows]
    second = table.values + noise * rng.standard_normal(table.values.shape)
    return tables.FeatureTable(rows, table.names, np.vstack([table.values, second]))


def test_as_many_rows_as_classes_are_refused_and_not_divided_by_zero():
    with pytest.raises(InputError, match="2 rows of a fold leave nothing to test"):
        selection.differing_columns(np.array([[1.0], [-1.0]]), np.array([0, 1]), 0.05)


def test_features_that_another_reader_changes_are_left_out():
    noise = np.zeros(30)
    noise[1:3] = 40
    training = learning.train(with_readers(a_table(lesions=36), noise), "outcome", QUICK)
    assert not set(training.model.feature_names) & set(a_table().names[1:3])
    assert "over repeated outlines of the training patients (36 cases, ICC(2,1))" in training.model.card
    everything = learning.train(with_readers(a_table(lesions=36), noise), "outcome", dataclasses.replace(QUICK, icc=0))
    assert set(everything.model.feature_names) & set(a_table().names[1:3])


def test_the_icc_is_judged_on_training_patients_only():
    """Second outlines of held-out patients may say what they like."""
    table = with_readers(a_table(), np.linspace(0, 30, 30))
    altered = tables.FeatureTable(table.rows, table.names, table.values.copy())
    held_out = [row["patient_id"] >= "P040" for row in table.rows]
    altered.values[held_out] *= np.random.default_rng(1).uniform(-5, 5, 30)
    digests = []
    for each in (table, altered):
        data = lesions.from_table(each, "outcome")
        stable = learning.stable_columns(each, data.names, QUICK)
        known = data.take(np.arange(40))
        fitted = lasso_svm.fit(known.values, known.target, known.patients, stable, QUICK)
        selected = lasso_svm.selection_of(fitted)
        machine = fitted[0].calibrated_classifiers_[0]
        digests.append((selected.columns, selected.coef, machine.estimator.svc_.dual_coef_, machine.calibrators[0].a_))
    for before, after in zip(*digests, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_separate_table_may_say_what_is_stable(tmp_path):
    table = a_table(lesions=36)
    rows = [{"feature": name, "icc": 0.9 if i % 2 else 0.7, "icc_low": 0.6} for i, name in enumerate(table.names)]
    tables.write_rows(tmp_path / "icc.csv", rows)
    known = stability.read_stable(tmp_path / "icc.csv", table.names, QUICK)
    training = learning.train(table, "outcome", QUICK, stable_features=known)
    assert set(training.model.feature_names) <= set(table.names[1::2])
    assert "15 columns have an ICC above 0.75 in a separate table" in training.model.card
    with pytest.raises(InputError, match=r"icc\.csv has no feature with an ICC above 0\.75"):
        stability.read_stable(tmp_path / "icc.csv", table.names, dataclasses.replace(QUICK, icc_bound="low"))
    with pytest.raises(InputError, match="says nothing of 1 features, the first other"):
        stability.read_stable(tmp_path / "icc.csv", ("other",), QUICK)


def test_a_held_out_part_changes_nothing_that_is_learned():
    """Test rows that are altered leave model, cross-validation and thresholds bit for bit as they were."""
    table = a_table()
    for i, row in enumerate(table.rows):
        row["part"] = "test" if i >= 80 else "train"
    settings = dataclasses.replace(QUICK, split="part")
    before = learning.train(table, "outcome", settings)
    table.values[80:] = table.values[80:][:, ::-1]
    after = learning.train(table, "outcome", settings)
    for name, array in before.model.arrays.items():
        np.testing.assert_array_equal(array, after.model.arrays[name])
    for part in ("training", "cross_validated"):
        assert before.model.manifest["metrics"][part] == after.model.manifest["metrics"][part]
    first, second = (each.model.manifest["metrics"]["test"] for each in (before, after))
    assert first["auc"]["1"]["mean"] != second["auc"]["1"]["mean"]
    assert first["auc"]["1"]["method"] == "DeLong"
    threshold = before.model.manifest["metrics"]["cross_validated"]["operating_point"]["1"]["threshold"]
    assert first["operating_point"]["1"]["threshold"] == threshold


def test_the_protocol_of_the_study_makes_a_model_of_training_rows():
    training = learning.train(a_table(), "outcome", dataclasses.replace(QUICK, protocol="study"))
    metrics = training.model.manifest["metrics"]
    assert set(metrics) == {"protocol", "training", "test", "optimism"}
    assert (metrics["training"]["lesions"], metrics["test"]["lesions"]) == (42, 18)
    assert not set(training.lesions.patients) & set(training.test_lesions.patients)
    apparent, held_out = (metrics[part]["auc"]["1"]["mean"] for part in ("training", "test"))
    assert metrics["optimism"]["1"] == pytest.approx(apparent - held_out)


def test_the_draw_of_test_rows_is_the_studys():
    """838 patients, 413 of them positive, split 7:3: 586 and 252."""
    target = (np.arange(838) < 413).astype(int)
    keys = tuple((f"P{i}", "", "1") for i in range(838))
    data = lesions.Lesions(keys, ("a",), np.zeros((838, 1)), target, ("0", "1"), ("CC",))
    train_rows, test_rows = validation.split_rows(data, 0.3, 15)
    assert (len(train_rows), len(test_rows)) == (586, 252)
    assert target[test_rows].mean() == pytest.approx(413 / 838, abs=0.01)


def test_one_against_the_rest_selects_for_each_class_and_shares_the_columns():
    table = a_table(classes=("a", "b", "c"))
    # The middle class alone has this column: a LASSO on class numbers cannot see it.
    for i, row in enumerate(table.rows):
        table.values[i, 20] += 30 * (row["outcome"] == "b")
    found = {
        kind: learning.train(table, "outcome", dataclasses.replace(QUICK, lasso_target=kind))
        for kind in ("numeric", "one-vs-rest")
    }
    assert len(found["one-vs-rest"].lasso) == 3
    assert table.names[20] in found["one-vs-rest"].model.feature_names
    aucs = {kind: each.model.manifest["metrics"]["cross_validated"]["auc"]["b"]["mean"] for kind, each in found.items()}
    assert aucs["one-vs-rest"] > max(0.9, aucs["numeric"])


def test_missing_features_are_refused_left_out_or_imputed_inside_the_folds():
    table = a_table(lesions=48)
    table.values[:16, 0] = np.nan
    complete = learning.train(table, "outcome", dataclasses.replace(QUICK, missing="complete"))
    assert complete.model.manifest["training"]["excluded_lesions"] == {"a feature is missing": 8}
    with pytest.raises(InputError, match=r"Case P000 has no value of .*; 8 lesions lack a feature"):
        learning.train(table, "outcome", QUICK)
    imputed = learning.train(table, "outcome", dataclasses.replace(QUICK, missing="impute"))
    assert imputed.model.manifest["training"]["lesions"] == 48
    data = lesions.from_table(table, "outcome")
    rows = np.arange(4, 40)
    selected = lasso_svm.selection_of(fitted_on(data, rows))
    assert selected.fill[0] == pytest.approx(np.nanmedian(data.values[rows, 0]))


def test_permuted_outcomes_are_measured_the_same_way():
    training = learning.train(a_table(lesions=36), "outcome", dataclasses.replace(QUICK, permutations=3))
    assert len(training.permuted) == 3
    assert max(training.permuted) < mean_auc(training.evidence["cross_validated"])
    assert len(training.selected) == QUICK.folds


def test_permuting_keeps_the_lesions_of_a_patient_together():
    keys = tuple((f"P{i // 2}", "L", str(i % 2)) for i in range(40))
    target = (np.arange(40) // 2) % 2
    data = lesions.Lesions(keys, ("a",), np.zeros((40, 1)), target, ("0", "1"), ("CC",))
    permuted = validation._permuted(data, 3)
    assert (permuted[::2] == permuted[1::2]).all()
    assert not (permuted == target).all()
    one_differs = dataclasses.replace(data, target=np.concatenate([[1 - target[0]], target[1:]]))
    permuted = validation._permuted(one_differs, 3)
    assert (permuted[::2] != permuted[1::2]).sum() == 1


def test_two_processes_give_the_same_model():
    table = a_table(lesions=36)
    digests = {learning.train(table, "outcome", QUICK, jobs=jobs).model.digest for jobs in (1, 2)}
    assert len(digests) == 1


def test_ending_the_descent_early_does_not_change_the_penalty(monkeypatch):
    data = lesions.from_table(a_table(), "outcome")
    z = (data.values - data.values.mean(axis=0)) / data.values.std(axis=0)
    path = selection.fit_lasso(z, data.target, np.arange(2.0), data.patients, QUICK)
    monkeypatch.setattr(selection, "_PATIENCE", 1000)
    full = selection.fit_lasso(z, data.target, np.arange(2.0), data.patients, QUICK)
    assert path.chosen == full.chosen
    kept = np.isin(full.columns, path.columns)
    np.testing.assert_array_equal(path.weights[:, path.chosen], full.weights[kept, full.chosen])
    assert not full.weights[~kept, full.chosen].any()


def test_the_descent_does_not_end_before_a_column_has_entered(monkeypatch):
    """On small tables without much signal the error of the mean comes first, and is no minimum to stop behind."""
    rng = np.random.default_rng(132)
    z, target = rng.standard_normal((24, 120)), np.arange(24) % 2
    z[:, :2] += 0.8 * target[:, None]
    quick = dataclasses.replace(QUICK, smote=False)
    path = selection.fit_lasso(z, target, np.arange(2.0), np.arange(24), quick)
    monkeypatch.setattr(selection, "_PATIENCE", 1000)
    full = selection.fit_lasso(z, target, np.arange(2.0), np.arange(24), quick)
    assert path.errors[path.chosen] == pytest.approx(full.errors[full.chosen])


def test_one_class_is_left_as_it_is_by_smote():
    z = np.arange(6.0).reshape(3, 2)
    rows, classes = selection.balanced(z, np.ones(3, dtype=int), QUICK)
    assert rows is z
    assert classes.tolist() == [1, 1, 1]


def test_the_icc_is_that_of_what_enters_the_model():
    """Views that differ as a whole make every feature look reproducible when their cases are pooled."""
    rng = np.random.default_rng(2)
    truth = rng.standard_normal((40, 1))
    rows, values = [], []
    for view, offset in (("CC", 0.0), ("MLO", 50.0)):
        for reader in ("A", "B"):
            rows += [{"patient_id": f"P{i}", "view": view, "reader": reader} for i in range(40)]
            values.append(truth + offset + rng.standard_normal((40, 1)))
    table = tables.FeatureTable(rows, ("original_firstorder_Mean",), np.vstack(values))
    for views, columns in (("CC", 1), ("concat", 2)):
        names = table.names if columns == 1 else tuple(f"{view}/{table.names[0]}" for view in ("CC", "MLO"))
        stable = learning.stable_columns(table, names, dataclasses.replace(QUICK, views=views, icc=0.75))
        assert len(stable.repeats) == columns
        with pytest.raises(InputError, match="No feature has an ICC above"):
            stable.among(np.array([f"P{i}" for i in range(40)]), QUICK)


def test_a_missing_cell_costs_its_case_and_not_the_feature():
    ratings = np.random.default_rng(5).standard_normal((30, 1, 2)) + np.zeros((30, 2, 2))
    ratings[3, 1, 0] = np.nan
    assert stability.Repeats(np.arange(30), ratings, "ICC(2,1)").stable(0.75, "value").all()


def test_probabilities_of_the_study_are_shifted_from_the_prevalence_that_calibrated_them():
    table = a_table(lesions=90, classes=("0", "0", "1"))
    model = learning.train(table, "outcome", dataclasses.replace(QUICK, protocol="study")).model
    assert model.calibrated_prevalence == {"0": 0.5, "1": 0.5}
    features = dict(zip(model.feature_names, model.arrays["mean"].tolist(), strict=True))
    found = model.predict(features, prevalence=model.training_prevalence)
    odds = [each["1"] / each["0"] for each in (found.probabilities, found.local_probabilities)]
    assert odds[1] / odds[0] == pytest.approx(model.training_prevalence["1"] / model.training_prevalence["0"])
    assert "rows made equally many by SMOTE" in model.card
    assert any("calibrated on classes made equally frequent" in each for each in found.warnings)
    nested = learning.train(table, "outcome", QUICK).model
    features = dict(zip(nested.feature_names, nested.arrays["mean"].tolist(), strict=True))
    assert not any("equally frequent" in each for each in nested.predict(features).warnings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"protocol": "study", "permutations": 3}, "they belong to the nested protocol"),
        ({"split": "part", "holdout": 0.3}, "the column part says already"),
        ({"holdout": 0.25}, "in tenths"),
        ({"folds": "5"}, "The setting folds is '5'; it must be like 5"),
        ({"alpha_max": float("inf")}, "alpha_max is inf"),
    ],
)
def test_refuses_settings_that_would_be_ignored_or_misread(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        TrainingSettings.from_json(settings)


def test_smote_can_be_off():
    data = lesions.from_table(a_table(lesions=45, classes=("0", "1", "1")), "outcome")
    machine = fitted_on(data, settings=dataclasses.replace(QUICK, smote=False))[0]
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
    [
        ({"views": "both"}, "views"),
        ({"protocol": "leaky"}, "protocol"),
        ({"icc": 1}, "icc"),
        ({"holdout": 1}, "holdout"),
        ({"folds": 1}, "folds"),
        ({"p_value": 0}, "p_value"),
        ({"svm_c": -1}, "svm_c"),
    ],
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
    assert steps == [(0, 3), (1, 3), (2, 3)]


def test_a_real_table_with_a_strong_signal_is_learned_and_a_permuted_one_is_not():
    """PROSTATEx features of Song et al., PLoS ONE 15:e0237587 (2020)."""
    with (shared_folder("fae_prostatex_table") / "numeric_feature.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = [i for i, name in enumerate(header) if name.startswith("ADC_original")]
    values = np.array([[float(row[i]) for i in columns] for row in rows])
    target = np.array([int(float(row[1])) for row in rows])
    aucs = []
    for labels in (target, np.random.default_rng(4).permutation(target)):
        keys = tuple((str(i), "", "1") for i in range(260))
        data = lesions.Lesions(keys, tuple("x" * len(columns)), values, labels, ("0", "1"), ("",))
        found = validation.cross_validate(data, StableColumns.all(len(columns)), QUICK, silent)
        aucs.append(mean_auc(found.evidence))
    assert aucs[0] > 0.80
    assert abs(aucs[1] - 0.5) < 0.12


@pytest.mark.parametrize("seed", [1, 7, 11])
def test_a_table_without_signal_still_gives_a_model_that_can_be_saved(seed, tmp_path):
    table = a_table(lesions=24)
    table.values[:] = np.random.default_rng(seed).standard_normal(table.values.shape)
    model = learning.train(table, "outcome", dataclasses.replace(QUICK, folds=2)).model
    model_file.save(model, tmp_path / "m.mammomodel")
    assert model_file.load(tmp_path / "m.mammomodel").digest == model.digest
    turned = model.arrays["sigmoid"][0, 0] >= 0
    assert turned == ("NOTHING LEARNED for 1" in model.card)


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
