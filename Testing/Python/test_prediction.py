"""The record of a prediction, its plain words, and the prediction of a table."""

import dataclasses
import json

import numpy as np
import pytest
import SimpleITK as sitk
from made_up import a_table
from made_up_model import a_model, features_of
from MammoRadiomicsLib import lesions, phantoms, prediction, presets
from MammoRadiomicsLib.errors import InputError


@pytest.fixture(scope="module")
def slnm():
    """A model of SLNM with the study's thresholds, of intensities of the right size for a phantom's."""
    model = a_model()
    image, roi = a_case()
    found = prediction.extract_noting(image, roi, model.preset, model.image_feature_names)[0]
    values = np.array(list(found.values()))
    scale = np.abs(values) * 0.1
    arrays = model.arrays | {"mean": values, "scale": scale, "minimum": values - scale, "maximum": values + scale}
    arrays["reference_inputs"] = values + scale * np.random.default_rng(1).standard_normal((25, len(values)))
    manifest = model.manifest | {"outcome": "slnm", "thresholds": [0.2, 0.6], "pixel_spacing_mm": 0.05}
    return dataclasses.replace(model, manifest=manifest, arrays=arrays)


def a_case(side=None):
    """A small phantom and its outline, or a square of `side` pixels."""
    image, roi = phantoms.mammogram(3, size=(160, 120), diameter_mm=2.5)
    if side:
        pixels = np.zeros((1, 120, 160), np.uint8)
        pixels[0, 50 : 50 + side, 70 : 70 + side] = 1
        square = sitk.GetImageFromArray(pixels)
        square.CopyInformation(roi)
        roi = square
    return sitk.Cast(image / 16, sitk.sitkUInt16), roi


def test_the_record_says_everything_and_survives_json(slnm):
    record = prediction.predict(slnm, {"CC": a_case()})
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["prevalence"] == {"training": {"0": 0.5, "1": 0.5}, "local": None}
    assert record["local_probabilities"] is record["range"] is None
    why = record["explanation"]
    assert why["base"]["1"] + sum(why["values"]["1"].values()) == pytest.approx(record["probabilities"]["1"], abs=1e-12)
    assert record["views"]["CC"]["roi_pixels"] > 64
    assert (record["model_sha256"], record["card"]) == (slnm.digest, slnm.card)


def test_reasons_can_be_left_out_and_change_nothing_else(slnm):
    case = {"CC": a_case()}
    full, quick = prediction.predict(slnm, case), prediction.predict(slnm, case, explain=False)
    assert quick == full | {"explanation": None}
    assert "Shapley" in prediction.as_text(full)
    assert "Shapley" not in prediction.as_text(quick)


def test_with_a_local_prevalence_everything_shown_is_for_it(slnm):
    record = prediction.predict(slnm, {"CC": a_case()}, perturb=2, prevalence={"1": 0.1})
    local = record["local_probabilities"]["1"]
    assert local < record["probabilities"]["1"]
    low, high = record["range"]["1"]
    assert low <= local <= high
    assert record["explanation"]["of"] == "local_probabilities"
    text = prediction.as_text(record)
    assert text.startswith(
        f"Sentinel lymph node metastasis (SLNM): no {1 - local:.1%}, yes {local:.1%} for your prevale"
    )
    assert "(no 90.0%, yes 10.0%)" in text
    assert (
        f"As trained, for the training's prevalence (no 50.0%, yes 50.0%): no {1 - record['probabilities']['1']:.1%}"
        in text
    )
    assert "from the probability for your prevalence: low (not advice)" in text


def test_the_text_says_prevalence_applicability_band_and_reasons(slnm):
    record = prediction.predict(slnm, {"CC": a_case()})
    lines = prediction.as_text(record).splitlines()
    assert lines[0].startswith("Sentinel lymph node metastasis (SLNM): no ")
    assert lines[1] == "Prevalence in training: no 50.0%, yes 50.0%."
    assert lines[2].startswith("Band by the study's thresholds: ")
    assert lines[3].startswith("Warning: The model was trained on the mean of CC and MLO")
    assert lines[4].startswith("Applicability: distance ")
    assert f"of them when held out; 0 of {len(slnm.feature_names)} features outside" in lines[4]
    assert lines[5].startswith("Radscore ")
    assert sum(line.startswith("Probability of yes ") for line in lines) == 1
    assert lines[-1] == "Not a medical device."


def test_what_is_beyond_training_is_said_once_and_as_a_warning(slnm):
    far = dataclasses.replace(slnm, arrays=slnm.arrays | {"centre": slnm.arrays["centre"] + 20})
    text = prediction.as_text(prediction.predict(far, {"CC": a_case()}))
    assert text.count("unlike those of the training") == 1
    assert "Applicability" not in text


def test_of_three_classes_the_most_probable_is_explained():
    model = a_model(("low", "positive", "zero"))
    features = features_of(model, 1.5)
    record = model.predict(features).to_json() | {
        "explanation": model.explain(features), "range": None, "perturbed_outlines": 0
    }  # fmt: skip
    name, base, values = prediction.explained(record)
    assert name == max(record["probabilities"], key=record["probabilities"].get)
    assert base == record["explanation"]["base"][name]
    assert f"Probability of {name} {record['probabilities'][name]:.1%}" in prediction.as_text(record)
    assert len(values) == min(5, len(model.feature_names))


def test_errors_of_sampled_reasons_are_shown(slnm):
    record = prediction.predict(slnm, {"CC": a_case()})
    why = record["explanation"]
    errors = {"1": dict.fromkeys(why["values"]["1"], 0.004)}
    record["explanation"] = why | {"method": "sampled", "pairs": 16, "errors": errors}
    assert prediction.as_text(record).count("(SE 0.4)") == min(5, len(why["values"]["1"]))


def test_an_outline_too_small_for_texture_is_said_to_be(slnm):
    small, large = (prediction.predict(slnm, {"CC": a_case(side)}, explain=False)["warnings"] for side in (6, 9))
    assert any("CC: The outline covers only 36 pixels" in warning for warning in small)
    assert not any("outline covers only" in warning for warning in large)


@pytest.mark.parametrize(("spacing_mm", "warned"), [("0.05", True), ("0.2", False), ("", True)])
def test_small_is_judged_at_the_spacing_of_the_preset(spacing_mm, warned):
    """36 pixels of 0.2 mm are 144 of mammo-2d's 0.1 mm, those of 0.05 mm are 9."""
    model = a_model()
    model = dataclasses.replace(model, manifest=model.manifest | {"preset": presets.load("mammo-2d").to_json()})
    table = a_table(lesions=2)
    for row in table.rows:
        row |= {"preset": "mammo-2d", "roi_pixels": "36", "pixel_spacing_mm": spacing_mm}
    rows = prediction.predict_table(model, table)
    assert [("outline covers only" in row["warnings"]) for row in rows] == [warned] * 2


def test_a_table_is_predicted_lesion_by_lesion():
    model, table = a_model(), a_table(lesions=5)
    rows = prediction.predict_table(model, table)
    assert [row["patient_id"] for row in rows] == [f"P{i:03d}" for i in range(5)]
    data = lesions.from_table(table, "outcome", classes=("0", "1"))
    columns = [data.names.index(name) for name in model.feature_names]
    expected = model.probabilities(data.values[:, columns])[:, 1]
    np.testing.assert_allclose([row["probability_1"] for row in rows], expected, atol=1e-12)
    assert all(0 <= row["applicability_percentile"] <= 100 for row in rows)
    assert {row["beyond_training"] for row in rows} <= {0, 1}
    assert not any("local" in name for name in rows[0])


def test_a_table_is_predicted_for_a_local_prevalence():
    model, table = a_model(), a_table(lesions=3)
    rows = prediction.predict_table(model, table, {"1": 0.2})
    for row in rows:
        odds = row["probability_1"] / row["probability_0"] * 0.25
        assert row["local_probability_1"] == pytest.approx(odds / (1 + odds))
    with pytest.raises(InputError, match="has a share for 'yes'"):
        prediction.predict_table(model, table, {"yes": 0.2})


def test_a_row_of_another_preset_or_view_has_no_prediction():
    table = a_table(lesions=4)
    table.rows[0]["preset"] = "mammo-2d"
    table.rows[2]["view"] = "XX"
    table.rows[4]["pixel_spacing_mm"] = table.rows[5]["pixel_spacing_mm"] = "0.05"
    table.values[6:8] += 1000
    rows = prediction.predict_table(a_model(), table)
    assert "come from the preset 'mammo-2d'" in rows[0]["failure"]
    assert "not on XX" in rows[1]["failure"]
    assert [row["probability_1"] == "" for row in rows] == [True, True, False, False]
    assert [row["beyond_training"] for row in rows] == ["", "", 0, 1]
    assert "Pixels of 0.05 mm here" in rows[2]["warnings"]
    assert rows[3]["warnings"].startswith("This lesion is unlike those of the training")
    assert len({tuple(row) for row in rows}) == 1


def test_a_lesion_that_only_another_reader_outlined_is_not_lost():
    table = a_table(lesions=4)
    for i, row in enumerate(table.rows):
        row["reader"] = "A" if i < 6 else "B"
    rows = prediction.predict_table(a_model(), table)
    assert [bool(row["failure"]) for row in rows] == [False, False, False, True]
    assert "no outline by the first reader" in rows[3]["failure"]
