"""From fitted estimators to a model that says the same, and a card that says what it is."""

import dataclasses

import numpy as np
import pytest
from made_up import a_table
from made_up_model import QUICK, a_model
from MammoRadiomicsLib import assembly, evaluation, lasso_svm, lesions, presets
from MammoRadiomicsLib.selection import StableColumns


@pytest.mark.parametrize("smote", [True, False])
@pytest.mark.parametrize("classes", [("0", "1"), ("zero", "low", "positive")])
def test_a_model_equals_its_estimators(classes, smote):
    settings = dataclasses.replace(QUICK, smote=smote, views="concat")
    data = lesions.from_table(a_table(classes=classes), "outcome", "concat", classes)
    fitted = lasso_svm.fit(data.values, data.target, data.patients, StableColumns.all(len(data.names)), settings)
    manifest = assembly.manifest_of(data, presets.load("study-1409"), settings)
    manifest |= {"outcome": "outcome", "pixel_spacing_mm": 0.1, "metrics": {}, "thresholds": None}
    model = assembly.assemble(fitted, data, manifest)
    columns = [data.names.index(name) for name in model.feature_names]
    found = model.probabilities(data.values[:, columns])
    np.testing.assert_allclose(found, assembly.probabilities(fitted, data.values), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        model.probabilities(model.arrays["reference_inputs"]), model.arrays["reference_outputs"], rtol=0, atol=1e-12
    )


def test_the_background_and_the_distances_are_those_of_the_training_rows():
    model, data = a_model(), lesions.from_table(a_table(), "outcome")
    values = data.values[:, [data.names.index(name) for name in model.feature_names]]
    references = model.arrays["reference_inputs"]
    assert references.shape == (25, len(model.feature_names))
    assert (references >= values.min(axis=0)).all()
    assert (references <= values.max(axis=0)).all()
    percentiles = [
        model.predict(dict(zip(model.feature_names, row, strict=True))).applicability["percentile"] for row in values
    ]
    # A little nearer than when held out.
    assert 35 < np.median(percentiles) <= 51


@pytest.fixture
def manifest():
    """The manifest of a model with everything that a card can tell."""
    target, rng = np.arange(60) % 2, np.random.default_rng(3)
    metrics = {"protocol": "nested", "optimism": {"1": 0.12}}
    for part, rows in (("cross_validated", "cross-validated"), ("test", "test"), ("training", "training")):
        positive = 1 / (1 + np.exp(-(target - 0.5 + rng.standard_normal((2 if part == "cross_validated" else 1, 60)))))
        evidence = evaluation.Evidence(
            rows, ("0", "1"), target, np.arange(60), np.stack([1 - positive, positive], axis=2)
        )
        metrics[part] = evaluation.measure(evidence, 15)
    training = a_model().manifest["training"] | {
        "excluded_lesions": {"no outcome": 3, "no outline by the reader": 2},
        "stability": "An ICC was asked for.",
        "sample_size": "More patients are needed.",
    }
    return a_model().manifest | {"metrics": metrics, "training": training}


def test_the_card_tells_everything_in_plain_words(manifest):
    card = assembly._card(manifest, 39)
    for text in (
        "Predicts outcome (0 / 1) from outlines on CC and MLO (views: mean).",
        "Protocol nested: for every fold everything that learns was fitted anew.",
        "Trained on 60 lesions of 60 patients; training prevalence: 0 50.0% (30), 1 50.0% (30).",
        "Lesions left out: 3 (no outcome), 2 (no outline by the reader).",
        "Synthetic rows (SMOTE) balanced the classes for the fit.",
        "An ICC was asked for.",
        "Cross-validated, on patients that the fold's model has not seen (60 lesions):\n  1 against the rest: AUC 0.",
        "On test rows that took no part in the training (60 lesions):\n  1 against the rest: AUC 0.",
        "On the training rows themselves, which flatters the model (60 lesions):\n  1 against the rest: AUC 0.",
        "Optimism, by how much the AUC on training rows exceeds that on held-out rows: 1 against the rest 0.12.",
        "More patients are needed.",
        "The file holds 39 support vectors: standardised feature vectors of training rows, real and synthetic.",
    ):
        assert text in card
    assert card.endswith("Not a medical device. Not validated outside its training data.")
    assert "\n\n" not in card


def test_the_card_of_the_studys_protocol_has_no_cross_validation(manifest):
    del manifest["metrics"]["cross_validated"]
    settings = manifest["training"]["settings"] | {"protocol": "study", "smote": False}
    manifest["training"] |= {"settings": settings, "stability": None, "excluded_lesions": {}}
    card = assembly._card(manifest | {"purpose": "demonstration"}, 39)
    assert card.startswith("DEMONSTRATION: trained on synthetic images")
    assert "Protocol study, as published" in card
    assert "No synthetic rows were used." in card
    assert "feature vectors of training rows, real. Share" in card
    for text in ("Cross-validated", "left out", "None", "SMOTE"):
        assert text not in card


def test_the_card_says_where_nothing_could_be_measured(manifest):
    test = manifest["metrics"]["test"]
    test["auc"]["1"] = {"mean": None, "low": None, "high": None, "method": "none"}
    manifest["metrics"]["training"]["calibration"]["1"]["slope"] = None
    manifest["metrics"]["optimism"] = {"1": None}
    card = assembly._card(manifest, 39)
    assert "took no part in the training (60 lesions):\n  1 against the rest: no AUC." in card
    assert "calibration slope unknown" in card
    assert "Optimism" not in card
