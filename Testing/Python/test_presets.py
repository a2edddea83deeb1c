"""Presets: what they promise, what they refuse, and that stock pyradiomics understands them."""

from __future__ import annotations

import json

import pyradiomics_oracle as oracle
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import presets
from MammoRadiomicsLib.errors import InputError
from shared_data import PROJECT

SHIPPED = tuple(presets.DECLARED_COUNTS)
SELECTED_FEATURES = PROJECT / "Testing" / "Data" / "study_features.txt"
FLAT = {"setting": {"force2D": True}}


def write(folder, name="mine.json", **parameters):
    path = folder / name
    path.write_text(json.dumps(parameters), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_yields_what_it_declares(name):
    preset = presets.load(name)
    assert preset.feature_count == len(set(preset.feature_names())) == presets.DECLARED_COUNTS[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_is_a_parameter_file_for_stock_pyradiomics(name, recwarn):
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    preset = presets.load(name)
    with oracle.silence():
        extractor = RadiomicsFeatureExtractor(str(presets._FOLDER / "presets" / f"{name}.yaml"))
    assert extractor.enabledImagetypes == preset.image_types
    assert extractor.enabledFeatures == preset.feature_classes
    assert preset.settings.items() <= {**presets._DEFAULT_SETTINGS, **extractor.settings}.items()


def test_a_shipped_preset_that_yields_another_count_is_refused(monkeypatch):
    monkeypatch.setitem(presets.DECLARED_COUNTS, "mammo-2d", 1375)
    with pytest.raises(InputError, match="yields 1374 features and declares 1375"):
        presets._shipped.__wrapped__("mammo-2d")


def test_the_study_preset_has_the_published_names():
    names = set(presets.load("study-1409").feature_names())
    assert {"log-sigma-1-mm-3D_glszm_SizeZoneNonUniformity", "lbp-2D_gldm_DependenceEntropy"} <= names
    assert len([name for name in names if name.startswith("original_shape_")]) == 14
    assert len({name.split("_")[0] for name in names}) == 15


def test_the_study_preset_has_all_selected_features_of_the_study():
    selected = SELECTED_FEATURES.read_text(encoding="utf-8").split()
    assert len(selected) == 54
    assert set(selected) <= set(presets.load("study-1409").feature_names())


def test_mammo_2d_records_how_it_resamples_and_bins():
    settings = presets.load("mammo-2d").settings
    assert (settings["resampledPixelSpacing"], settings["binCount"]) == ([0.1, 0.1, 0], 64)
    assert (settings["normalize"], settings["force2D"], settings["padDistance"]) == (False, True, 200)


def test_mammo_2d_leaves_out_what_repeats_another_feature():
    names = presets.load("mammo-2d").feature_names()
    assert not [name for name in names if name.endswith(("_SumAverage", "_TotalEnergy")) or "_shape_" in name]
    assert len([name for name in names if "_shape2D_" in name]) == 9


def test_the_catalogue_lists_what_pyradiomics_computes():
    from radiomics import getFeatureClasses

    listed = {}
    for entry in presets.catalogue():
        listed.setdefault(entry.feature_class, {})[entry.feature] = entry.computed != "default"
    known = {name: dict(each.getFeatureNames()) for name, each in getFeatureClasses().items()}
    assert listed == known
    assert [list(features) for features in listed.values()] == [list(features) for features in known.values()]


def test_the_catalogue_gives_an_ibsi_code_or_says_that_there_is_none():
    for entry in presets.catalogue():
        assert bool(entry.ibsi_code) == bool(entry.ibsi_name)
        assert len(entry.ibsi_code) == 4 or entry.deviation.startswith("not in IBSI")


def test_a_parameter_file_without_sections_means_all_of_pyradiomics_on_the_original(tmp_path):
    preset = presets.load(write(tmp_path, **FLAT))
    assert list(preset.image_types) == ["Original"]
    assert preset.feature_count == 14 + 9 + 93
    assert preset.settings["resampledPixelSpacing"] is None


def test_names_are_predicted_as_pyradiomics_writes_them(tmp_path):
    path = write(
        tmp_path,
        setting={"force2D": True, "binWidth": 25},
        imageType={"Wavelet": {"level": 2}, "LoG": {"sigma": [0.5, 1, 2.0]}, "Original": {}},
        featureClass={"ngtdm": None, "shape": ["Sphericity", "Compactness1"], "firstorder": ["StandardDeviation"]},
    )
    image, roi = oracle.phantom(diameter_mm=2.0, size=(64, 71))
    assert presets.load(path).feature_names() == tuple(oracle.stock(image, roi, path))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "force2D is not true"),
        ({"setting": {"force2D": False}}, "force2D is not true"),
        ({"setting": {"force2D": True, "force2Ddimension": 1}}, "force2Ddimension is not 0"),
        ({"setting": {"force2D": True, "minimumROIDimensions": 3}}, "minimumROIDimensions is 3"),
        ({"setting": {"force2D": True, "correctMask": True}}, "resample the mask"),
        ({"setting": {"force2D": True, "label": 2}}, "give the label with the mask"),
        ({**FLAT, "imageType": {"LBP3D": {}}}, "needs a volume"),
        ({**FLAT, "imageType": {"Gradient": {"force2D": False}}}, "force2D is not true"),
        ({**FLAT, "imageType": {"LoG": {}}}, "LoG has no sigma"),
        ({**FLAT, "voxelSetting": {"kernelRadius": 2}}, "feature maps are not supported"),
        ({**FLAT, "featureClass": {"glcm": ["SumVariance"]}}, "no value: equal to ClusterTendency"),
        ({**FLAT, "featureClass": {"glcm": ["Roughness"]}}, "not a pyradiomics parameter file.*Roughness"),
        ({**FLAT, "imageType": {"Median": {}}}, "not a pyradiomics parameter file.*Median"),
        ({"setting": {"force2D": True, "binWidth": -1}}, "not a pyradiomics parameter file.*binWidth"),
        ({"settings": {"force2D": True}}, "not a pyradiomics parameter file.*settings"),
    ],
)
def test_refuses_what_one_flat_image_cannot_support(tmp_path, parameters, reason):
    with pytest.raises(InputError, match=f"Preset mine.*{reason}"):
        presets.load(write(tmp_path, **parameters))


@pytest.mark.parametrize("text", ["setting: [", "", "- force2D", "setting: {force2D: true"])
def test_refuses_a_file_that_is_no_parameter_file(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"Preset mine"):
        presets.load(path)


def test_refuses_an_unknown_preset():
    with pytest.raises(InputError, match=r"no preset 'study-1410'.*study-1409 or mammo-2d"):
        presets.load("study-1410")


def test_refuses_another_file_under_the_name_of_a_shipped_preset(tmp_path):
    with pytest.raises(InputError, match="differs from the shipped preset of that name"):
        presets.load(write(tmp_path, "mammo-2d.json", **FLAT))


def test_loading_changes_no_global_tolerance(tmp_path):
    before = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    presets.load(write(tmp_path, setting={"force2D": True, "geometryTolerance": 0.5}))
    assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == before


@pytest.mark.parametrize("name", SHIPPED)
def test_a_preset_survives_json(name):
    preset = presets.load(name)
    again = presets.Preset.from_json(json.loads(json.dumps(preset.to_json())))
    assert again == preset
    assert again.feature_names() == preset.feature_names()


def test_the_digest_follows_the_content_and_not_the_order_of_keys():
    preset = presets.load("mammo-2d")
    shuffled = json.loads(json.dumps(preset.to_json(), sort_keys=True))
    assert presets.Preset.from_json(shuffled).digest == preset.digest
    shuffled["settings"]["binCount"] = 32
    assert presets.Preset.from_json(shuffled).digest != preset.digest


@pytest.mark.parametrize(
    "damage", [{"name": 3}, {"settings": None}, {"image_types": {}}, {"feature_classes": {"new": []}}]
)
def test_refuses_a_damaged_description(damage):
    with pytest.raises(InputError):
        presets.Preset.from_json({**presets.load("mammo-2d").to_json(), **damage})


def test_refuses_a_description_that_is_no_object():
    with pytest.raises(InputError, match="lacks a usable name"):
        presets.Preset.from_json(["name"])
