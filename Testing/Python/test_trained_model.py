"""What a model says of one lesion: probabilities, reasons, how far to trust it, and local prevalence."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from made_up_model import MANY_FEATURES, a_model, features_of
from MammoRadiomicsLib import explanation, model_file, prevalence
from MammoRadiomicsLib.errors import InputError

HER2 = ("low", "positive", "zero")


@pytest.fixture(scope="module")
def model():
    return a_model()


def test_contributions_add_up_to_the_radscore(model):
    found = model.predict(features_of(model, 0.7))
    total = sum(found.contributions.values()) + model.arrays["lasso_intercept"][0]
    assert total == pytest.approx(found.radscore, abs=1e-12)
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_the_mean_of_two_views_is_the_prediction_of_their_mean(model):
    low, high = features_of(model, -0.5), features_of(model, 0.5)
    both = model.predict({"CC": low, "MLO": high})
    assert both.probabilities == pytest.approx(model.predict(features_of(model)).probabilities)
    assert both.warnings == []


def test_says_which_view_is_missing_and_what_is_unlike_training(model):
    found = model.predict({"CC": features_of(model, 50)}, spacing_mm=0.05)
    assert "MLO is missing here" in found.warnings[0]
    assert "unlike those of the training" in found.warnings[1]
    assert f"Furthest: {model.feature_names[0]} (+50.0 SD)" in found.warnings[1]
    assert "Pixels of 0.05 mm here, 0.1 mm in training" in found.warnings[2]
    assert len(found.warnings) == 3


def test_applicability_says_how_far_and_in_which_features(model):
    first = model.feature_names[0]
    centre = model.predict(features_of(model)).applicability
    assert centre["distance"] == pytest.approx(0, abs=1e-6)
    assert (centre["percentile"], centre["beyond"], centre["outside"]) == (0, False, 0)
    far = features_of(model)
    far[first] += 30 * model.arrays["scale"][0]
    found = model.predict(far).applicability
    assert (found["percentile"], found["beyond"], found["outside"]) == (100, True, 1)
    assert next(iter(found["furthest"].items())) == (first, pytest.approx(30))
    assert found["limit"] == model.arrays["distances"][99] < found["distance"]


def test_a_percentile_is_that_among_held_out_training_rows(model):
    distances = model.arrays["distances"]
    direction = np.linalg.cholesky(np.linalg.inv(model.arrays["precision"]))[:, 0]
    for percent in (10, 50, 90):
        z = model.arrays["centre"] + direction * distances[percent]
        values = model.arrays["mean"] + z * model.arrays["scale"]
        found = model.predict(dict(zip(model.feature_names, values, strict=True))).applicability
        assert found["percentile"] == pytest.approx(percent)


def test_only_a_research_model_with_thresholds_has_a_band(model):
    assert model.predict(features_of(model)).band is None
    slnm = dataclasses.replace(model, manifest=model.manifest | {"thresholds": [0.2, 0.6]})
    bands = {slnm.predict(features_of(model, value)).band for value in np.linspace(-6, 6, 40)}
    assert bands <= {"low", "intermediate", "high"}
    assert len(bands) > 1
    demonstration = dataclasses.replace(slnm, manifest=slnm.manifest | {"purpose": "demonstration"})
    found = demonstration.predict(features_of(model))
    assert found.band is None
    assert found.warnings[0].startswith("Demonstration model")


def test_refuses_missing_infinite_and_absurd_features(model):
    features = features_of(model)
    for value in (float("nan"), float("inf"), 1e300):
        with pytest.raises(InputError, match="is not a finite number, or too large"):
            model.predict(features | {model.feature_names[0]: value})
    del features[model.feature_names[0]]
    with pytest.raises(InputError, match=f"needs 1 features that are not there, the first {model.feature_names[0]}"):
        model.predict(features)


def test_a_local_prevalence_shifts_the_log_odds_by_a_constant(model):
    shifts = []
    for value in (-1.0, 0.0, 2.0):
        found = model.predict(features_of(model, value), prevalence={"1": 0.2})
        before, after = found.probabilities["1"], found.local_probabilities["1"]
        shifts.append(np.log(after / (1 - after)) - np.log(before / (1 - before)))
        assert found.shown == found.local_probabilities
        assert sum(found.shown.values()) == pytest.approx(1)
    assert shifts == pytest.approx([np.log(0.2 / 0.8)] * 3)
    assert found.prevalence == {"training": {"0": 0.5, "1": 0.5}, "local": {"0": 0.8, "1": 0.2}}


def test_without_a_local_prevalence_the_probabilities_are_the_trained_ones(model):
    found = model.predict(features_of(model))
    assert found.local_probabilities is found.prevalence["local"] is None
    assert found.shown == found.probabilities
    same = model.predict(features_of(model), prevalence={"0": 0.5})
    assert same.local_probabilities == pytest.approx(found.probabilities, abs=1e-15)


def test_a_local_prevalence_weighs_three_classes():
    model = a_model(HER2)
    local = {"low": 0.5, "positive": 0.1, "zero": 0.4}
    found = model.predict(features_of(model, 0.4), prevalence=local)
    weighted = np.array([found.probabilities[name] * local[name] * 3 for name in HER2])
    np.testing.assert_allclose(list(found.local_probabilities.values()), weighted / weighted.sum(), rtol=1e-12)


def test_the_band_is_that_of_the_probability_that_is_shown(model):
    slnm = dataclasses.replace(model, manifest=model.manifest | {"thresholds": [0.3, 0.7]})
    features = features_of(model)
    assert slnm.predict(features).band == "intermediate"
    assert slnm.predict(features, prevalence={"1": 0.05}).band == "low"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"2": 0.2}, "has a share for '2'"),
        ({}, "lacks 0 and 1"),
        ({"1": 1.0}, "The prevalence of 1 would be 1;"),
        ({"1": 0.0}, "The prevalence of 1 would be 0;"),
        ({"1": float("nan")}, "The prevalence of 1 would be nan;"),
        ({"0": 0.5, "1": 0.6}, "sum to 1.1, not to 1"),
    ],
)
def test_refuses_a_prevalence_that_makes_no_sense(model, given, sentence):
    for call in (model.predict, model.explain):
        with pytest.raises(InputError, match=sentence):
            call(features_of(model), prevalence=given)


def test_one_class_of_a_prevalence_may_be_left_out():
    assert prevalence.complete({"zero": 0.3, "low": 0.4}, ("zero", "low", "positive")) == pytest.approx(
        {"zero": 0.3, "low": 0.4, "positive": 0.3}
    )
    with pytest.raises(InputError, match=r"The prevalence of positive would be -0\.1"):
        prevalence.complete({"zero": 0.7, "low": 0.4}, ("zero", "low", "positive"))


def test_a_prevalence_is_read_as_it_is_typed():
    assert prevalence.parse("zero=0.3, low = 0.4,positive=3e-1") == {"zero": 0.3, "low ": 0.4, "positive": 0.3}
    for text in ("", "0.2", "1=", "1=20%", "1=0.2,1=0.3", "=0.2", "1=0.2,"):
        with pytest.raises(InputError, match="is not of the form"):
            prevalence.parse(text)


@pytest.mark.parametrize("classes", [("0", "1"), HER2])
@pytest.mark.parametrize("local", [False, True])
def test_shapley_values_add_up_to_the_probability_that_is_shown(classes, local):
    model = a_model(classes)
    features = features_of(model, 0.8)
    shares = {classes[0]: 0.6, classes[1]: 0.1 if len(classes) > 2 else 0.4} if local else None
    found, why = model.predict(features, prevalence=shares), model.explain(features, prevalence=shares)
    assert why["of"] == ("local_probabilities" if local else "probabilities")
    assert (why["method"], why["pairs"], why["errors"]) == ("exact", None, None)
    assert set(why["values"]) == (set(classes) if len(classes) > 2 else {"1"})
    for name, values in why["values"].items():
        assert why["base"][name] + sum(values.values()) == pytest.approx(found.shown[name], abs=1e-12)
        assert set(values) == set(model.feature_names)
        assert [abs(value) for value in values.values()] == sorted(map(abs, values.values()), reverse=True)


@pytest.mark.parametrize("classes", [("0", "1"), HER2])
def test_many_features_are_sampled_with_an_error(classes):
    model = a_model(classes, MANY_FEATURES)
    features = features_of(model, 0.8)
    found, why = model.predict(features), model.explain(features, pairs=20)
    assert len(model.feature_names) > explanation.EXACT_UP_TO
    assert (why["method"], why["pairs"]) == ("sampled", 20)
    for name, values in why["values"].items():
        assert why["base"][name] + sum(values.values()) == pytest.approx(found.probabilities[name], abs=1e-12)
        assert set(why["errors"][name]) == set(values)
        assert 0 < max(why["errors"][name].values()) < 0.05
    assert json.loads(json.dumps(why, allow_nan=False)) == why
    assert model.explain(features, pairs=20) == why


def test_applying_a_model_needs_no_scikit_learn(model, tmp_path):
    """A clinic's Slicer has neither scikit-learn nor imbalanced-learn nor pandas."""
    saved = model_file.save(model, tmp_path / "m.mammomodel")
    program = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('sklearn', 'imblearn', 'pandas', 'scipy', 'scipy.stats')))\n"
        "from MammoRadiomicsLib import model_file\n"
        f"model = model_file.load({str(saved)!r})\n"
        "features = dict(zip(model.feature_names, model.arrays['mean']))\n"
        "model.explain(features)\n"
        "print(model.predict(features).probabilities['1'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) == model.predict(features_of(model)).probabilities["1"]
