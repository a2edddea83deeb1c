"""Models harmonised between scanners: what is learned from which rows, and for whom the model works."""

import csv
import dataclasses

import numpy as np
import pytest
from made_up_centres import SCANNERS, a_table_of_scanners
from MammoRadiomicsLib import (
    combat,
    command_line,
    learning,
    lesions,
    model_file,
    prediction,
    protocols,
    tables,
    validation,
)
from MammoRadiomicsLib.centres import HARMONISED, LEFT_OUT, TRANSDUCTIVE, WITHIN
from MammoRadiomicsLib.errors import InputError, ModelFileError
from MammoRadiomicsLib.predictors import Predictors
from MammoRadiomicsLib.reports import report, report_files
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings

QUICK = TrainingSettings(
    folds=3, calibration_folds=3, lasso_folds=3, alpha_min=1e-2, alpha_count=10, centre="scanner", harmonise=True
)


@pytest.fixture(scope="module")
def table():
    return a_table_of_scanners()


@pytest.fixture(scope="module")
def training(table):
    return learning.train(table, "outcome", QUICK)


def features_of(table, row) -> dict[str, float]:
    return dict(zip(table.names, table.values[row].tolist(), strict=True))


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fold_of(data, settings=QUICK):
    rows = np.arange(len(data.target))
    stable = StableColumns.all(len(data.names))
    return validation.Fold(0, 0, data, rows[rows % 3 > 0], rows[rows % 3 == 0], stable, settings)


def test_a_fold_learns_nothing_from_its_held_out_rows(table):
    fold = fold_of(lesions.from_table(table, "outcome", centre="scanner"))
    altered = fold.data.values.copy()
    altered[fold.test_rows[1:]] *= 7
    before, after = (
        validation.hold_out(dataclasses.replace(fold, data=dataclasses.replace(fold.data, values=values)))
        for values in (fold.data.values, altered)
    )
    assert (before.probabilities[0] == after.probabilities[0]).all()
    assert (before.probabilities[1:] != after.probabilities[1:]).any()
    assert (before.columns == after.columns).all()


def test_a_fold_is_that_of_values_harmonised_by_hand(table):
    fold = fold_of(lesions.from_table(table, "outcome", centre="scanner"))
    names = np.array(fold.data.centres)
    fitted = combat.fit(fold.data.values[fold.train_rows], names[fold.train_rows])
    by_hand = dataclasses.replace(fold.data, values=fitted.apply(fold.data.values, names)[0])
    plain = dataclasses.replace(fold, data=by_hand, settings=dataclasses.replace(QUICK, harmonise=False))
    assert (validation.hold_out(plain).probabilities == validation.hold_out(fold).probabilities).all()


def test_no_outcome_reaches_what_harmonises(table):
    data = lesions.from_table(table, "outcome", centre="scanner")
    turned = dataclasses.replace(data, target=1 - data.target)
    rows = np.arange(60)
    values = [validation.harmonised(each, rows, QUICK)[0].values for each in (data, turned)]
    assert (values[0] == values[1]).all()


def test_altered_test_rows_leave_the_model_bit_for_bit(table):
    # Six rows in a row hold both classes of each scanner.
    rows = [row | {"split": "test" if i // 6 % 4 == 3 else "train"} for i, row in enumerate(table.rows)]
    settings = dataclasses.replace(QUICK, split="split")
    values = table.values.copy()
    values[[i for i, row in enumerate(rows) if row["split"] == "test"]] *= 5
    models = [
        learning.train(dataclasses.replace(table, rows=rows, values=each), "outcome", settings).model
        for each in (table.values, values)
    ]
    for name, array in models[0].arrays.items():
        assert (array == models[1].arrays[name]).all(), name
    assert models[0].manifest["metrics"]["test"] != models[1].manifest["metrics"]["test"]


def test_the_model_takes_features_as_extracted(table, training):
    model = training.model
    data = lesions.from_table(table, "outcome", centre="scanner")
    columns = [data.names.index(name) for name in model.feature_names]
    values, left = model.harmonised(data.values[:, columns], np.array(data.centres))
    assert not left.any()
    whole, _ = validation.harmonised(data, np.arange(len(data.target)), QUICK)
    assert (values == whole.values[:, columns]).all()
    for row in (0, 17, 119):
        found = model.predict(features_of(table, row), scanner=data.centres[row])
        expected = training.evidence["training"].probabilities[0, row]
        assert list(found.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-12)
        assert found.scanner == {"name": data.centres[row], "harmonised": True}


def test_every_performance_stands_beside_that_without_harmonisation(training):
    rows = training.centres.rows
    assert {row["evidence"] for row in rows} == {LEFT_OUT, TRANSDUCTIVE, WITHIN, HARMONISED}
    plain = learning.train(a_table_of_scanners(), "outcome", dataclasses.replace(QUICK, harmonise=False))
    unharmonised = plain.evidence["cross_validated"].probabilities
    assert (training.centres.unharmonised.probabilities == unharmonised).all()
    assert plain.centres.unharmonised is None
    metrics = [each.model.manifest["metrics"] for each in (training, plain)]
    assert metrics[0]["unharmonised"]["auc"] == metrics[1]["cross_validated"]["auc"]
    assert "unharmonised" not in metrics[1]
    assert plain.model.scanners == ()


def test_harmonisation_regains_what_the_scanners_hide(training):
    of_all = [row for row in training.centres.rows if row["centre"] == "mean of the centres"]
    areas = {row["evidence"]: row["auc"] for row in of_all}
    assert areas[HARMONISED] > areas[WITHIN] + 0.05
    assert areas[TRANSDUCTIVE] > areas[LEFT_OUT] + 0.2


def test_the_card_says_it_all(training):
    card = training.model.card
    assert "Centres by scanner (lesions): Alpha 40, Beta 40, Gamma 40." in card
    assert "ComBat, without the outcome, learned from training rows in every fold" in card
    assert "The model asks for the scanner or centre: Alpha, Beta, Gamma. It refuses another" in card
    for kind in (LEFT_OUT, TRANSDUCTIVE, WITHIN, HARMONISED):
        assert f"Mean AUC of the centres, {kind}: 0." in card
    assert "The same cross-validation without harmonisation (120 lesions):" in card


def test_a_saved_model_says_the_same(table, training, tmp_path):
    loaded = model_file.load(model_file.save(training.model, tmp_path / "m.mammomodel"))
    assert loaded.digest == training.model.digest
    assert loaded.scanners == SCANNERS
    both = [model.predict(features_of(table, 5), scanner="Gamma") for model in (training.model, loaded)]
    assert both[0] == both[1]
    assert both[0].probabilities != loaded.predict(features_of(table, 5), scanner="Alpha").probabilities


def test_an_unknown_scanner_is_refused_or_left_with_a_warning(table, training):
    model, features = training.model, features_of(table, 0)
    with pytest.raises(InputError, match="Alpha, Beta, Gamma; 'Delta' is none of them"):
        model.predict(features, scanner="Delta")
    with pytest.raises(InputError, match="none was given"):
        model.predict(features)
    found = model.predict(features, scanner="Delta", unknown_scanner=combat.LEAVE)
    assert found.scanner == {"name": "Delta", "harmonised": False}
    assert any(warning.startswith("Not harmonised: the scanner or centre 'Delta'") for warning in found.warnings)
    values = np.array([[features[name] for name in model.feature_names]])
    assert list(found.probabilities.values()) == pytest.approx(model.probabilities(values)[0].tolist(), abs=1e-14)


def test_a_combined_model_takes_harmonised_radscores(table):
    rng = np.random.default_rng(3)
    rows = [row | {"age": f"{age:.0f}"} for row, age in zip(table.rows, rng.normal(50, 9, 120), strict=True)]
    predictors = Predictors(("age",), {"age": "imaging"})
    aged = dataclasses.replace(table, rows=rows)
    training = learning.train(aged, "outcome", QUICK, predictors=predictors)
    model = training.model
    found = model.predict(features_of(table, 8), clinical={"age": rows[8]["age"]}, scanner=rows[8]["scanner"])
    expected = training.combined.evidence["combined"]["training"].probabilities[0, 8]
    assert list(found.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-9)
    areas = {name: each["cross_validated"]["auc"]["1"]["mean"] for name, each in training.combined.metrics.items()}
    assert areas["combined"] > 0.85 > areas["clinical"]


def test_a_model_without_harmonisation_takes_no_scanner(table):
    plain = dataclasses.replace(QUICK, centre="", harmonise=False)
    model = learning.train(table, "outcome", plain).model
    assert "harmonised" not in model.manifest
    with pytest.raises(InputError, match="knows no scanners"):
        model.predict(features_of(table, 0), scanner="Alpha")


def test_an_explanation_adds_up_to_the_probability_of_the_harmonised_lesion(table, training):
    found = training.model.predict(features_of(table, 3), scanner="Beta")
    explained = training.model.explain(features_of(table, 3), scanner="Beta")
    total = explained["base"]["1"] + sum(explained["values"]["1"].values())
    assert total == pytest.approx(found.probabilities["1"], abs=1e-9)


def test_a_table_is_predicted_with_the_scanner_of_each_row(table, training):
    rows = [dict(row) for row in table.rows[:6]]
    rows[1]["scanner"] = "Delta"
    part = dataclasses.replace(table, rows=rows, values=table.values[:6])
    found = prediction.predict_table(training.model, part)
    assert "none of them" in found[1]["failure"]
    expected = training.model.predict(features_of(table, 4), scanner=rows[4]["scanner"]).probabilities["1"]
    assert (found[4]["probability_1"], found[4]["scanner"], found[4]["harmonised"]) == (expected, "Gamma", 1)
    left = prediction.predict_table(training.model, part, unknown_scanner=combat.LEAVE)
    assert left[1]["harmonised"] == 0
    assert "Not harmonised" in left[1]["warnings"]
    given = prediction.predict_table(training.model, part, scanner="Gamma")
    assert {row["scanner"] for row in given} == {"Gamma"}
    assert "The table names the scanner or centre 'Delta'; 'Gamma' was given." in given[1]["warnings"]
    assert "was given" not in found[0]["warnings"] + given[4]["warnings"]


@pytest.mark.parametrize("name", ["combat_centre", "combat_scale", "combat_shift", "combat_spread"])
def test_damaged_numbers_of_harmonisation_are_refused(training, tmp_path, name):
    arrays, broken = training.model.arrays, dict(training.model.arrays)
    del broken[name]
    changes = [broken, arrays | {name: arrays[name][..., :-1]}, arrays | {name: arrays[name] * np.nan}]
    if name in ("combat_scale", "combat_spread"):
        changes.append(arrays | {name: -arrays[name]})
    for change in changes:
        with pytest.raises((ValueError, KeyError)):
            type(training.model)(training.model.manifest, change)


@pytest.mark.parametrize(
    "change",
    [
        {"scanners": ["Alpha", "Beta", "Beta"]}, {"scanners": ["Alpha", "Beta"]}, {"scanners": ["Alpha", "Beta", 3]},
        {"scanners": "ABC"}, {"column": 1}, {"more": 1},
    ],
)  # fmt: skip
def test_a_manifest_that_misdescribes_the_scanners_is_refused(training, change):
    manifest = dict(training.model.manifest)
    manifest["harmonised"] = manifest["harmonised"] | change
    with pytest.raises((ValueError, KeyError)):
        type(training.model)(manifest, training.model.arrays)


def test_a_changed_byte_in_the_file_of_a_harmonised_model_is_noticed(training, tmp_path):
    path = model_file.save(training.model, tmp_path / "m.mammomodel")
    content = path.read_bytes()
    assert model_file.load(path).scanners == SCANNERS
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(ModelFileError):
        model_file.load(path)


def test_a_test_part_with_a_scanner_of_its_own_is_refused_before_anything_is_fitted(table):
    rows = [row | {"split": "test" if row["scanner"] == "Gamma" else "train"} for row in table.rows]
    settings = dataclasses.replace(QUICK, split="split")
    with pytest.raises(InputError, match="'Gamma' was not among those that were harmonised"):
        learning.train(dataclasses.replace(table, rows=rows), "outcome", settings)


def test_a_scanner_too_small_for_the_folds_is_refused_by_name(table):
    rows = [row | ({"scanner": "Tiny"} if i in (3, 4, 5) else {}) for i, row in enumerate(table.rows)]
    with pytest.raises(InputError, match=r"Of the scanner or centre 'Tiny' only [012] lesions"):
        learning.train(dataclasses.replace(table, rows=rows), "outcome", QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "study", "harmonise": False}, "centres belong to the nested protocol"),
        ({"centre": ""}, "ComBat needs the column"),
        ({"missing": "impute"}, "ComBat needs complete features"),
    ],
)
def test_settings_that_cannot_be_honest_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(QUICK, **change).validate()


def test_a_report_shows_the_centres(training, tmp_path, monkeypatch):
    monkeypatch.setattr(report_files, "pictures", lambda name, figure: {f"{name}.png": name.encode()})
    report.write(training, [], tmp_path)
    written = rows_of(tmp_path / "centres.csv")
    assert [row["centre"] for row in written[:4]] == ["Alpha"] * 4
    assert (tmp_path / "centres.png").read_bytes() == b"centres"
    radscores = [float(row["radscore"]) for row in rows_of(tmp_path / "radscores.csv")]
    of_lesion = dict(zip(training.lesions.names, training.lesions.values[7].tolist(), strict=True))
    assert radscores[7] == pytest.approx(training.model.predict(of_lesion, scanner="Alpha").radscore, abs=1e-9)


def test_protocols_are_compared_with_and_without_harmonisation(training, monkeypatch):
    monkeypatch.setattr(protocols, "study", lambda *rows: {})
    monkeypatch.setattr(protocols, "leaky", lambda *rows: 0.5)
    claims = {claim["protocol"]: claim["auc"] for claim in protocols.compare(training, seeds=1)}
    assert claims["nested without harmonisation"] < claims["nested"]


def test_the_terminal_trains_and_predicts(tmp_path):
    table = a_table_of_scanners(60, ("Alpha", "Beta"))
    features, model, output = (tmp_path / name for name in ("features.csv", "m.mammomodel", "predictions.csv"))
    rows = [
        row | dict(zip(table.names, values.tolist(), strict=True))
        for row, values in zip(table.rows, table.values, strict=True)
    ]
    tables.write_rows(features, rows)
    quick = ["--folds", "2", "--calibration-folds", "3", "--lasso-folds", "3", "--alpha-count", "8"]
    arguments = ["train", "--features", features, "--outcome", "outcome", "--centre", "scanner", "--harmonise", *quick]
    arguments += ["--output", model]
    assert command_line.main([str(each) for each in arguments]) == 0
    predict = ["predict", "--model", str(model), "--features", str(features), "--output", str(output)]
    assert command_line.main(predict) == 0
    assert command_line.main([*predict, "--scanner", "Delta"]) == 1
    assert command_line.main([*predict, "--scanner", "Delta", "--unknown-scanner", "leave"]) == 0
    assert {(row["scanner"], row["harmonised"]) for row in rows_of(output)} == {("Delta", "0")}
