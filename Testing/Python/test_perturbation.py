"""Perturbed outlines: plausible, seeded, and in the geometry of the mask."""

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import perturbation, phantoms
from MammoRadiomicsLib.errors import InputError


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def a_mask():
    return phantoms.mammogram(1, size=(200, 160), diameter_mm=3.0)[1]


def pixels_of(mask):
    return sitk.GetArrayFromImage(mask)[0].astype(bool)


def test_variants_are_close_to_the_outline_and_differ_from_each_other(a_mask):
    original = pixels_of(a_mask)
    variants = [pixels_of(each) for each in perturbation.perturbed_masks(a_mask, 20)]
    overlaps = [dice(original, each) for each in variants]
    assert min(overlaps) > 0.75
    assert max(overlaps) < 1
    assert len({each.tobytes() for each in variants}) == 20


def test_areas_stay_within_the_spread(a_mask):
    areas = [pixels_of(each).sum() for each in perturbation.perturbed_masks(a_mask, 40)]
    ratios = np.array(areas) / pixels_of(a_mask).sum()
    assert 0.84 < ratios.min() < 0.95
    assert 1.05 < ratios.max() < 1.16


def test_equal_seeds_give_equal_masks_and_more_begin_like_fewer(a_mask):
    few, many, others = (
        [pixels_of(each) for each in perturbation.perturbed_masks(a_mask, count, seed)]
        for count, seed in ((2, 1), (5, 1), (2, 2))
    )
    np.testing.assert_array_equal(few, many[:2])
    assert not np.array_equal(few, others)


def test_a_lesion_at_the_edge_and_a_tiny_one_stay_in_the_image():
    for rows, columns in ((slice(0, 12), slice(28, 40)), (slice(5, 7), slice(5, 7))):
        pixels = np.zeros((1, 30, 40), np.uint8)
        pixels[0, rows, columns] = 1
        for each in perturbation.perturbed_masks(sitk.GetImageFromArray(pixels), 20):
            assert pixels_of(each).sum() >= 2


def test_geometry_is_kept(a_mask):
    (variant,) = perturbation.perturbed_masks(a_mask, 1)
    assert (variant.GetSize(), variant.GetSpacing(), variant.GetOrigin()) == (
        a_mask.GetSize(),
        a_mask.GetSpacing(),
        a_mask.GetOrigin(),
    )


def test_no_spread_gives_the_outline_back(a_mask):
    (variant,) = perturbation.perturbed_masks(a_mask, 1, spread=perturbation.Spread(0, 0, 0, 0, 0.1))
    np.testing.assert_array_equal(pixels_of(variant), pixels_of(a_mask))


def test_refuses_an_empty_mask_and_a_count_of_none(a_mask):
    with pytest.raises(InputError, match="The mask is empty"):
        perturbation.perturbed_masks(a_mask * 0, 3)
    with pytest.raises(InputError, match="at least 1"):
        perturbation.perturbed_masks(a_mask, 0)
