"""Reading mammograms and outlines: what is accepted, and the sentence with which the rest is refused."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import RAMP, a_mammogram
from MammoRadiomicsLib import imaging
from MammoRadiomicsLib.errors import InputError
from PIL import Image


def an_image(size=(40, 30), spacing=(0.1, 0.1, 1.0), dtype=np.uint16) -> sitk.Image:
    columns, rows = size
    image = sitk.GetImageFromArray(np.arange(rows * columns, dtype=dtype).reshape(1, rows, columns))
    image.SetSpacing(spacing)
    return image


def a_mask(size=(40, 30), spacing=(0.1, 0.1, 1.0), label=1) -> sitk.Image:
    columns, rows = size
    pixels = np.zeros((1, rows, columns), np.uint8)
    pixels[0, 10:20, 12:25] = label
    mask = sitk.GetImageFromArray(pixels)
    mask.SetSpacing(spacing)
    return mask


def written(image: sitk.Image, path: Path) -> Path:
    sitk.WriteImage(image, str(path))
    return path


def test_reads_an_image_and_its_mask_with_spacing_from_the_file(tmp_path):
    image, roi = imaging.read_case(written(an_image(), tmp_path / "i.nrrd"), written(a_mask(), tmp_path / "m.nrrd"))
    assert image.GetSize() == roi.GetSize() == (40, 30, 1)
    assert image.GetSpacing()[:2] == roi.GetSpacing()[:2] == (0.1, 0.1)
    assert sitk.GetArrayFromImage(roi).sum() == 130


def test_reads_a_two_dimensional_image_as_one_slice(tmp_path):
    image, _ = imaging.read_case(
        written(an_image()[:, :, 0], tmp_path / "i.mha"), written(a_mask()[:, :, 0], tmp_path / "m.mha")
    )
    assert image.GetSize() == (40, 30, 1)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_a_file_without_geometry_needs_a_spacing(tmp_path, suffix):
    image, mask = tmp_path / f"i.{suffix}", tmp_path / f"m.{suffix}"
    Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40)).save(image)
    Image.fromarray(sitk.GetArrayFromImage(a_mask())[0]).save(mask)
    with pytest.raises(InputError, match="does not say how large its pixels are"):
        imaging.read_case(image, mask)
    read, roi = imaging.read_case(image, mask, spacing_mm=0.07)
    assert read.GetSpacing()[:2] == roi.GetSpacing()[:2] == (0.07, 0.07)
    assert sitk.GetArrayFromImage(read)[0, 1, 0] == 40


def test_a_mask_without_geometry_takes_that_of_the_image(tmp_path):
    image = an_image()
    image.SetOrigin((5.0, -3.0, 0.0))
    Image.fromarray(sitk.GetArrayFromImage(a_mask())[0]).save(tmp_path / "m.png")
    _, roi = imaging.read_case(written(image, tmp_path / "i.nrrd"), tmp_path / "m.png")
    assert roi.GetOrigin() == (5.0, -3.0, 0.0)


def test_a_given_spacing_overrides_the_file(tmp_path):
    paths = written(an_image(), tmp_path / "i.nrrd"), written(a_mask(), tmp_path / "m.nrrd")
    image, roi = imaging.read_case(*paths, spacing_mm=0.05)
    assert image.GetSpacing()[:2] == roi.GetSpacing()[:2] == (0.05, 0.05)


def moved(mask: sitk.Image) -> sitk.Image:
    mask.SetOrigin((0.5, 0.0, 0.0))
    return mask


def turned(mask: sitk.Image) -> sitk.Image:
    mask.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return mask


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (a_mask(size=(41, 30)), "41 x 30 pixels and the image 40 x 30"),
        (a_mask(spacing=(0.2, 0.2, 1.0)), "spacing 0.2, 0.2, 1 against 0.1, 0.1, 1"),
        (moved(a_mask()), "origin 0.5, 0, 0 against 0, 0, 0"),
        (turned(a_mask()), "direction -1"),
        (a_mask() * 0, "not one pixel is outlined"),
        (a_mask(label=2), r"0 pixels of label 1 \(labels present: 2\)"),
        (sitk.JoinSeries([a_mask()[:, :, 0]] * 5), "stack of 40 x 30 x 5"),
        (sitk.Compose([a_mask()] * 3), "colour image with 3 values"),
    ],
)
def test_refuses_a_mask_that_does_not_fit(mask, sentence):
    with pytest.raises(InputError, match=sentence):
        imaging.roi_mask(an_image(), mask)


def test_refuses_an_outline_one_pixel_wide():
    mask = a_mask() * 0
    mask[5:20, 7, 0] = 1
    with pytest.raises(InputError, match="15 x 1 pixels"):
        imaging.roi_mask(an_image(), mask)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (sitk.JoinSeries([an_image()[:, :, 0]] * 5), "stack of 40 x 30 x 5 pixels"),
        (sitk.Compose([an_image()] * 3), "colour image with 3 values a pixel"),
        (sitk.RealAndImaginaryToComplex(*[sitk.Cast(an_image(), sitk.sitkFloat32)] * 2), "complex"),
    ],
)
def test_refuses_what_is_no_mammogram(image, sentence):
    with pytest.raises(InputError, match=sentence):
        imaging.one_slice(image)


def test_refuses_a_stack_by_its_header(tmp_path):
    stack = written(sitk.JoinSeries([an_image()[:, :, 0]] * 5), tmp_path / "stack.nrrd")
    with pytest.raises(InputError, match=r"image stack\.nrrd is a stack of 40 x 30 x 5"):
        imaging.read_case(stack, stack)


def test_refuses_pixels_that_are_not_finite():
    image = sitk.Cast(an_image(), sitk.sitkFloat32)
    image[3, 4, 0] = float("nan")
    with pytest.raises(InputError, match="1 pixels that are not finite"):
        imaging.roi_mask(image, a_mask())


def test_refuses_files_that_are_missing_or_no_images(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        imaging.read_case(tmp_path / "none.dcm", tmp_path / "none.nrrd")
    (tmp_path / "text.nrrd").write_text("hello")
    with pytest.raises(InputError, match=r"image text\.nrrd cannot be read"):
        imaging.read_case(tmp_path / "text.nrrd", tmp_path / "text.nrrd")


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_an_impossible_spacing(spacing_mm):
    with pytest.raises(InputError, match="impossible"):
        imaging.with_spacing(an_image(), spacing_mm)


def test_reads_a_dicom_file_by_the_rules_of_intake(tmp_path):
    path = a_mammogram(
        tmp_path / "i.dcm", PhotometricInterpretation="MONOCHROME1", EstimatedRadiographicMagnificationFactor=1.25
    )
    mask = tmp_path / "m.png"
    Image.fromarray(sitk.GetArrayFromImage(a_mask())[0]).save(mask)
    image, _ = imaging.read_case(path, mask)
    assert image.GetSpacing()[:2] == pytest.approx((0.08, 0.08))
    assert sitk.GetArrayFromImage(image)[0, 0, 0] == 4095


def test_asks_for_the_spacing_of_a_dicom_file_without_one(tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", ImagerPixelSpacing=None)
    Image.fromarray(sitk.GetArrayFromImage(a_mask())[0]).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="does not say how large its pixels are"):
        imaging.read_case(path, tmp_path / "m.png")
    image, _ = imaging.read_case(path, tmp_path / "m.png", spacing_mm=0.07)
    assert image.GetSpacing()[:2] == (0.07, 0.07)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, "mask m.dcm is stored as MONOCHROME1"),
        ({"NumberOfFrames": 2, "PixelData": RAMP.tobytes() * 2}, "mask m.dcm is a stack of several frames"),
        ({"Rows": 60}, "mask m.dcm is cut short"),
    ],
)
def test_refuses_a_dicom_mask_whose_labels_may_be_others(tmp_path, attributes, sentence):
    image = a_mammogram(tmp_path / "i.dcm")
    with pytest.raises(InputError, match=sentence):
        imaging.read_case(image, a_mammogram(tmp_path / "m.dcm", "SC", **attributes))


@pytest.mark.parametrize("suffix", ["tif", "jpg", "png"])
def test_a_print_resolution_is_no_pixel_size(tmp_path, suffix):
    path = tmp_path / f"i.{suffix}"
    Image.fromarray(np.arange(1200, dtype=np.uint8).reshape(30, 40)).save(path, dpi=(300, 300))
    assert imaging.read(path).GetSpacing()[:2] == (1.0, 1.0)


@pytest.mark.parametrize("spacing_mm", [50, 1e9, 1e-4])
def test_refuses_micrometres_entered_as_millimetres(spacing_mm):
    with pytest.raises(InputError, match=r"lies between 0\.005 and 2\.0 mm"):
        imaging.with_spacing(an_image(), spacing_mm)


def test_refuses_the_background_as_a_lesion():
    with pytest.raises(InputError, match="Label 0 is the background"):
        imaging.roi_mask(an_image(), a_mask(), 0)
