"""The feature engine against stock pyradiomics, on the same pixels and on whole images.

Two definitions are tested. On the same pixels (an image small enough to be filtered whole) every feature agrees to 1e-9
relative. On a large image the engine filters a part of it, which changes the Laplacian of Gaussian by the rounding of
single precision, in which ITK keeps it; nothing else changes. Exceptions to 1e-6 are therefore features of the
log-sigma images that are differences of large numbers or ratios to one (Mean, Median, percentiles, Skewness near zero),
and, where one pixel in ten thousands crosses a bin edge, that image's textures by the weight of one pixel.
"""

from __future__ import annotations

import json
import logging
import re

import numpy as np
import pyradiomics_oracle as oracle
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import derived_images, features, field, imaging, presets, texture
from MammoRadiomicsLib.errors import InputError

ALL_TEXTURE = dict.fromkeys(("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"))
few_levels = pytest.mark.filterwarnings("ignore::MammoRadiomicsLib.features.GreyLevelWarning")


def flat_preset(image_types: dict | None = None, classes: dict | None = None, **settings) -> presets.Preset:
    settings = {**presets._DEFAULT_SETTINGS, "force2D": True, "binWidth": 25, **settings}
    return presets.Preset("test", image_types or {"Original": {}}, classes or {"firstorder": None}, settings)


def field_of(image: sitk.Image, roi: sitk.Image, **settings) -> field.Field:
    return field.prepare(image, imaging.roi_mask(image, roi), settings)


@pytest.fixture(scope="module")
def case():
    return oracle.phantom()


@pytest.fixture(scope="module")
def full(case):
    return features.extract(*case)


# Equality with stock pyradiomics on the same pixels


@pytest.mark.parametrize("preset", list(presets.DECLARED_COUNTS))
def test_a_phantom_has_the_features_of_stock_pyradiomics(case, preset):
    ours = features.extract(*case, preset)
    assert len(ours) == presets.DECLARED_COUNTS[preset]
    assert oracle.worst(ours, oracle.stock(*case, preset))[0] < 1e-9


@few_levels
@pytest.mark.parametrize("name", ["0003f1_2_1_2", "0013p1_2_1", "0016p1_2_1"])
def test_a_real_mass_has_the_features_of_stock_pyradiomics(name):
    image, roi = oracle.pisa_mass(name)
    ours = features.extract(image, roi)
    assert len(ours) == 1409
    assert oracle.worst(ours, oracle.stock(image, roi, "study-1409"))[0] < 1e-9


@few_levels
def test_part_of_a_real_view_has_the_features_of_stock_pyradiomics():
    pixels = oracle.real_view()[2350:2491, 560:710]
    image, roi = oracle.as_case(pixels, oracle.disc(pixels.shape, (70, 80), 25))
    ours = features.extract(image, roi)
    assert oracle.worst(ours, oracle.stock(image, roi, "study-1409"))[0] < 1e-9


@few_levels
@pytest.mark.parametrize("corner", [(0, 0), (0, 170), (149, 0), (149, 170), (75, 0)])
def test_a_lesion_at_the_edge_has_the_features_of_stock_pyradiomics(case, corner):
    image, _ = case
    roi = oracle.as_case(np.zeros((171, 150)), oracle.disc((171, 150), corner[::-1], 12))[1]
    preset = flat_preset({**presets.load("study-1409").image_types}, {"firstorder": None, "glszm": None, "shape": None})
    ours = features.extract(image, roi, preset)
    assert oracle.worst(ours, oracle.stock(image, roi, preset))[0] < 1e-9


@few_levels
@pytest.mark.parametrize(
    "settings",
    [
        {"normalize": True, "normalizeScale": 100, "removeOutliers": 2.5, "binWidth": 5},
        {"preCrop": True, "padDistance": 7},
        {"resegmentRange": [-1.5, 1.5], "resegmentMode": "sigma"},
        {"resegmentRange": [900], "resegmentShape": True},
        {"weightingNorm": "euclidean", "distances": [1, 3], "gldm_a": 1, "symmetricalGLCM": False},
        {"resampledPixelSpacing": [0.13, 0.09, 0], "padDistance": 6, "interpolator": "sitkLinear"},
        {"resampledPixelSpacing": [0.07, 0.07, 0], "padDistance": 11},
        {"binCount": 20},
        {"minimumROISize": 100, "voxelArrayShift": 300},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_mean_what_they_mean_to_stock_pyradiomics(case, settings):
    image_types = {"Original": {}, "Square": {"binWidth": 10}, "Wavelet": {"wavelet": "db3", "level": 2}}
    preset = flat_preset(image_types, {"shape": None, **ALL_TEXTURE, "shape2D": None}, **settings)
    assert oracle.worst(features.extract(*case, preset), oracle.stock(*case, preset, slices=1))[0] < 1e-9


def test_a_parameter_file_is_extracted_as_it_says(case, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(
        json.dumps({"setting": {"force2D": True}, "featureClass": {"ngtdm": ["Busyness"]}}), encoding="utf-8"
    )
    assert list(features.extract(*case, path)) == ["original_ngtdm_Busyness"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_the_type_of_the_pixels_changes_no_bin(case, dtype):
    image, roi = case
    pixels = np.clip(sitk.GetArrayFromImage(image)[0] / 12.0, 0, 250).round()
    preset = flat_preset({"Original": {}, "Gradient": {}}, {"firstorder": None, "glcm": None}, binWidth=3)
    reference = features.extract(*oracle.as_case(pixels.astype(np.int64), sitk.GetArrayFromImage(roi)[0]), preset)
    ours = features.extract(*oracle.as_case(pixels.astype(dtype), sitk.GetArrayFromImage(roi)[0]), preset)
    assert oracle.worst(ours, reference)[0] < (1e-6 if dtype is np.float64 else 1e-12)


def test_an_8_bit_image_is_binned_without_overflow():
    pixels = np.full((20, 20), 255, np.uint8)
    pixels[:10] = np.arange(20, dtype=np.uint8) * 12
    region = texture.discretise("original", pixels, np.ones((20, 20), bool), (1, 1, 1), {"binWidth": 25})
    assert np.array_equal(region.binned, pixels // 25 + 1)


# Whole images: only a part is filtered


@pytest.fixture(scope="module")
def large():
    """An image above the size that is filtered whole, with odd numbers of rows and columns."""
    image, _ = oracle.phantom(size=(641, 613), seed=3, diameter_mm=20)
    return image, oracle.as_case(np.zeros((613, 641)), oracle.disc((613, 641), (300, 411), 20))[1]


def test_a_part_of_a_large_image_is_filtered_like_the_whole(large):
    preset = presets.load("study-1409")
    ours, theirs = features.extract(*large), oracle.stock(*large, preset)
    differences = oracle.differences(ours, theirs)
    assert max(value for name, value in differences.items() if not name.startswith("log-sigma")) < 1e-9
    exceptions = {name for name, value in differences.items() if value > 1e-6}
    assert {re.sub(r".*_firstorder_", "", name) for name in exceptions} <= {"Mean", "Median", "Skewness"}


@pytest.mark.parametrize("interpolator", ["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"])
def test_a_part_of_a_large_image_is_resampled_like_the_whole(large, interpolator):
    settings = {"resampledPixelSpacing": [0.1, 0.13, 0], "padDistance": 9, "interpolator": interpolator}
    preset = flat_preset({"Original": {}, "Wavelet": {}}, **settings)
    assert oracle.worst(features.extract(*large, preset), oracle.stock(*large, preset, slices=1))[0] < 1e-12


@pytest.mark.parametrize("corner", [(300, 411), (300, 630), (600, 5)])
@pytest.mark.parametrize("sigma", [0.3, 0.5])
def test_the_laplacian_of_gaussian_is_that_of_the_whole_slice_but_for_rounding(large, corner, sigma):
    image, _ = large
    roi = oracle.as_case(np.zeros((613, 641)), oracle.disc((613, 641), corner, 20))[1]
    mammogram = field_of(image, roi)
    whole = sitk.LaplacianRecursiveGaussian(image[:, :, 0], sigma, True)
    expected = sitk.GetArrayFromImage(whole)
    found = derived_images._log(mammogram, sigma)
    assert found.dtype == np.float32
    assert np.abs(found - expected[mammogram.box.slices]).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_the_laplacian_of_gaussian_in_two_steps_is_itk_s_bit_for_bit(dtype):
    pixels = (np.random.default_rng(5).random((90, 121)).cumsum(axis=0) * 4).astype(dtype)
    image, roi = oracle.as_case(pixels, oracle.disc((90, 121), (40, 70), 15), (0.07, 0.09, 1.0))
    mammogram = field_of(image, roi)
    expected = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image[:, :, 0], 0.4, True))
    assert np.array_equal(derived_images._log(mammogram, 0.4), expected[mammogram.box.slices])


@pytest.mark.parametrize("centre", [(40, 61), (3, 3), (100, 119), (511, 512), (514, 30)])
def test_local_binary_patterns_of_flat_regions_are_those_of_the_whole_image(centre):
    from skimage.feature import local_binary_pattern

    pixels = np.random.default_rng(2).integers(0, 3, (103, 121)).repeat(5, axis=0).repeat(5, axis=1).astype(np.uint8)
    roi = oracle.disc(pixels.shape, centre, 14)
    mammogram = field_of(*oracle.as_case(pixels, roi))
    whole = local_binary_pattern(pixels, P=8, R=1, method="uniform")[mammogram.box.slices]
    ours = derived_images._local_binary_pattern(mammogram, {})
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, whole)


@pytest.mark.parametrize("settings", [{"lbp2DRadius": 2.5, "lbp2DSamples": 12}, {"lbp2DMethod": "default"}])
def test_other_local_binary_patterns_are_those_of_scikit_image(case, settings):
    from skimage.feature import local_binary_pattern

    image, roi = case
    pixels = sitk.GetArrayFromImage(image)[0]
    mammogram = field_of(image, roi)
    kind = (settings.get("lbp2DSamples", 8), settings.get("lbp2DRadius", 1), settings.get("lbp2DMethod", "uniform"))
    assert np.array_equal(
        derived_images._local_binary_pattern(mammogram, {"force2D": True, **settings}),
        local_binary_pattern(pixels, *kind)[mammogram.box.slices],
    )


@pytest.mark.parametrize("shape", [(120, 151), (121, 150), (13, 14)])
@pytest.mark.parametrize("where", ["corner", "middle", "far corner"])
def test_wavelets_are_those_of_the_whole_image_at_even_and_odd_sizes(shape, where):
    from radiomics import imageoperations

    centre = {"corner": (0, 0), "middle": (shape[0] // 2, shape[1] // 2), "far corner": (shape[0] - 1, shape[1] - 1)}
    pixels = np.random.default_rng(9).integers(0, 4000, shape).astype(np.uint16)
    image, roi = oracle.as_case(pixels, oracle.disc(shape, centre[where], 6))
    mammogram = field_of(image, roi)
    for settings in ({}, {"wavelet": "haar", "start_level": 1, "level": 2}):
        whole = imageoperations.getWaveletImage(image, None, force2D=True, **settings)
        ours = dict(derived_images._wavelet(mammogram, {"force2D": True, **settings}))
        for filtered, name, _ in whole:
            expected = sitk.GetArrayFromImage(filtered)[0][mammogram.box.slices]
            assert ours[name] == pytest.approx(expected, rel=1e-12, abs=1e-9)


@few_levels
@pytest.mark.parametrize("preset", list(presets.DECLARED_COUNTS))
def test_only_the_study_preset_looks_at_a_marker_in_the_corner(preset):
    image, roi = oracle.phantom(size=(700, 420), seed=4)
    roi = oracle.as_case(np.zeros((420, 700)), oracle.disc((420, 700), (200, 120), 15))[1]
    pixels = sitk.GetArrayFromImage(image)[0]
    pixels[:40, -60:] = 4095
    marked = oracle.as_case(pixels, np.zeros(pixels.shape))[0]
    names = [name for name in presets.load(preset).feature_names() if name.endswith("_firstorder_Mean")]
    plain, with_marker = (features.extract(each, roi, preset, names) for each in (image, marked))
    changed = {name.split("_")[0] for name in names if plain[name] != with_marker[name]}
    scaled = {"square", "squareroot", "logarithm", "exponential"}
    assert scaled <= changed if preset == "study-1409" else not changed


# Only what is asked


@pytest.mark.parametrize("pick", [0, 1, 2])
def test_a_subset_has_the_values_of_the_full_set_bit_for_bit(case, full, pick):
    names = np.random.default_rng(pick).permutation(list(full))[: 4**pick * 3].tolist()
    assert features.extract(*case, names=names) == {name: full[name] for name in names}


def test_a_subset_comes_in_the_order_asked_for(case):
    names = ["square_ngtdm_Busyness", "original_shape_Sphericity", "original_glcm_MCC", "square_ngtdm_Busyness"]
    assert list(features.extract(*case, names=iter(names))) == names[:3]


def test_a_subset_makes_no_other_image_and_no_other_class(case, monkeypatch):
    made = []
    real_derive, real_values = derived_images.derive, texture.values_of

    def derive(mammogram, preset, image_type, wanted):
        made.append((image_type, list(wanted)))
        return real_derive(mammogram, preset, image_type, wanted)

    def values_of(feature_class, region, settings, wanted):
        made.append((feature_class, list(wanted)))
        return real_values(feature_class, region, settings, wanted)

    monkeypatch.setattr(derived_images, "derive", derive)
    monkeypatch.setattr(texture, "values_of", values_of)
    features.extract(*case, names=["wavelet-HL_glcm_Imc1", "log-sigma-2-mm-3D_firstorder_Mean"])
    assert made == [
        ("Wavelet", ["wavelet-HL"]),
        ("glcm", ["Imc1"]),
        ("LoG", ["log-sigma-2-mm-3D"]),
        ("firstorder", ["Mean"]),
    ]


def test_an_unknown_name_is_refused_by_name(case):
    with pytest.raises(InputError, match="no feature named original_glcm_Roughness"):
        features.extract(*case, names=["original_glcm_Contrast", "original_glcm_Roughness"])


def test_many_unknown_names_are_counted(case):
    with pytest.raises(InputError, match=r"no feature named a, b, c, d, e and 2 more"):
        features.extract(*case, names=list("abcdefg"))


# Errors, warnings and side effects


def test_the_same_input_gives_the_same_bits(case, full):
    assert features.extract(*case) == full
    assert all(type(value) is float for value in full.values())


def test_the_number_of_blas_threads_changes_no_bit_and_stays_as_it_was(case, full):
    threadpoolctl = pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threadpoolctl.threadpool_info()
        assert features.extract(*case) == full
        assert threadpoolctl.threadpool_info() == before


def test_threadpoolctl_is_not_needed(case, full, monkeypatch):
    monkeypatch.setattr(features, "_thread_controller", lambda: None)
    assert features.extract(*case, names=["original_glcm_MCC"])["original_glcm_MCC"] == pytest.approx(
        full["original_glcm_MCC"], rel=1e-12
    )


def test_a_feature_without_a_finite_value_is_an_error_that_names_it(case, monkeypatch):
    monkeypatch.setattr(texture, "_maximal_correlation", lambda *_: np.nan)
    with pytest.raises(InputError, match=r"2 features have no finite value.*original_glcm_MCC, square_glcm_MCC"):
        features.extract(*case, names=["original_glcm_MCC", "square_glcm_MCC", "original_glcm_Contrast"])


def test_a_feature_that_fails_is_an_error_that_names_it(case, monkeypatch):
    def fail(*_):
        raise np.linalg.LinAlgError("no convergence")

    monkeypatch.setattr(texture, "_maximal_correlation", fail)
    with pytest.raises(InputError, match="cannot compute MCC of this outline: no convergence"):
        features.extract(*case, names=["original_glcm_MCC"])


def test_features_that_were_promised_and_not_made_are_an_error(case, monkeypatch):
    monkeypatch.setattr(derived_images, "derive", lambda *_: iter(()))
    with pytest.raises(InputError, match=r"promises 1409 features and 14 were computed.*original_firstorder_"):
        features.extract(*case)


@few_levels
def test_a_black_image_is_an_error():
    image, roi = oracle.as_case(np.zeros((60, 60), np.uint16), oracle.disc((60, 60), (30, 30), 8))
    with pytest.raises(InputError, match="has the value 0 in every pixel"):
        features.extract(image, roi, names=["square_firstorder_Mean"])


@few_levels
def test_a_uniform_lesion_has_the_values_that_pyradiomics_agreed_on():
    pixels = np.full((60, 60), 700, np.uint16)
    pixels[0] = 0
    image, roi = oracle.as_case(pixels, oracle.disc((60, 60), (30, 30), 8))
    found = features.extract(image, roi, flat_preset(classes={"glcm": None, "ngtdm": None}))
    assert (found["original_glcm_MCC"], found["original_ngtdm_Coarseness"], found["original_ngtdm_Busyness"]) == (
        1,
        1e6,
        0,
    )


@few_levels
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.parametrize(("rows", "columns"), [((0, 3), (0, 5)), ((0, 1), (0, 1))], ids=["apart", "diagonal"])
def test_an_outline_without_enough_neighbours_is_an_error_and_not_a_nan(case, rows, columns):
    inside = np.zeros((171, 150), bool)
    inside[np.add(rows, 80), np.add(columns, 60)] = True
    with pytest.raises(InputError, match="features have no finite value on this outline"):
        features.extract(case[0], oracle.as_case(inside.astype(np.uint8), inside)[1])


@few_levels
@pytest.mark.parametrize("size", [2, 3])
def test_the_smallest_outline_has_the_features_of_stock_pyradiomics(case, size):
    inside = np.zeros((171, 150), bool)
    inside[80 : 80 + size, 60 : 60 + size] = True
    roi = oracle.as_case(inside.astype(np.uint8), inside)[1]
    assert oracle.worst(features.extract(case[0], roi), oracle.stock(case[0], roi, "study-1409"))[0] < 1e-9


def test_a_sigma_wider_than_the_image_is_refused(case):
    with pytest.raises(InputError, match=r"Gaussian of 40 mm is too wide for an image of 12.0 mm"):
        features.extract(*case, flat_preset({"LoG": {"sigma": [40]}}))


@few_levels
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"minimumROISize": 5000}, "minimumROISize asks for more than 5000"),
        ({"resegmentRange": [50000]}, "resegmentRange leaves too little"),
        ({"resampledPixelSpacing": [20, 20, 0]}, "resampled to 20 mm, (none|1 x 1) are left, and texture needs 2 x 2"),
        ({"resampledPixelSpacing": [0.1, 0.1]}, "three numbers"),
    ],
)
def test_an_outline_that_a_setting_leaves_too_small_is_refused(case, settings, reason):
    with pytest.raises(InputError, match=reason):
        features.extract(*case, flat_preset(**settings))


def test_an_outline_that_resampling_leaves_too_small_is_named_by_what_was_drawn(case):
    image, roi = case
    tiny = sitk.Image(roi) * 0
    tiny[50:52, 60:63, 0] = 1
    with pytest.raises(InputError, match=r"covers 2 x 3 pixels of 0\.07 mm; resampled to 0\.1 mm, 1 x 2 are left"):
        features.extract(image, tiny, "mammo-2d")


@pytest.mark.parametrize(("bin_width", "levels"), [(200, "[2-9]"), (1, "[3-9][0-9][0-9]")])
def test_warns_of_too_few_and_too_many_grey_levels(case, bin_width, levels):
    with pytest.warns(features.GreyLevelWarning, match=f"The lesion has ({levels}) grey levels"):
        features.extract(*case, flat_preset(binWidth=bin_width))


@few_levels
def test_another_label_is_another_lesion(case):
    image, roi = case
    both = sitk.GetArrayFromImage(roi) * np.uint8(3)
    both[0, :20, :20] = 1
    mask = oracle.as_case(both[0], np.zeros(both.shape[1:]))[0]
    preset = flat_preset()
    assert features.extract(image, mask, preset, label=3) == features.extract(image, roi, preset)
    assert features.extract(image, mask, preset, label=1) != features.extract(image, roi, preset)


def test_extraction_changes_nothing_global(case):
    import radiomics

    def state():
        loggers = [logging.getLogger(name) for name in ("radiomics", "radiomics.glcm", "pykwalify.core")]
        return (
            [(logger.level, list(logger.handlers), list(logger.filters)) for logger in loggers],
            sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance(),
            sitk.ProcessObject.GetGlobalDefaultDirectionTolerance(),
            sitk.ProcessObject.GetGlobalDefaultNumberOfThreads(),
            {name: dict(vars(each)) for name, each in radiomics.getFeatureClasses().items()},
            dict(vars(radiomics.imageoperations)),
            np.geterr(),
        )

    before = state()
    features.extract(*case)
    assert state() == before


def test_the_image_and_the_mask_stay_as_they_were(case):
    copies = [sitk.GetArrayFromImage(each) for each in case]
    features.extract(*case)
    assert all(np.array_equal(sitk.GetArrayFromImage(each), copy) for each, copy in zip(case, copies, strict=True))
