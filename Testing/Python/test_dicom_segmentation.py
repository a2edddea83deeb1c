"""DICOM segmentations as masks: which segment, where it lies, and on which image it was drawn."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import RAMP, a_mammogram, a_segmentation, recompressed
from MammoRadiomicsLib import imaging
from MammoRadiomicsLib.dicom import dicom_segmentation
from MammoRadiomicsLib.errors import InputError
from pydicom import uid


def a_lesion(rows=slice(10, 20), columns=slice(12, 25), shape=(30, 40)) -> np.ndarray:
    pixels = np.zeros(shape, np.uint8)
    pixels[rows, columns] = 1
    return pixels


LESION, OTHER = a_lesion(), a_lesion(slice(2, 5), slice(1, 4))


@pytest.fixture
def a_view(tmp_path):
    return a_mammogram(tmp_path / "i.dcm", PixelSpacing=[0.05, 0.05])


def uid_of(path) -> str:
    return str(pydicom.dcmread(path).SOPInstanceUID)


def roi_of(image, mask, label=1) -> np.ndarray:
    return sitk.GetArrayFromImage(imaging.read_case(image, mask, label=label)[1])[0]


@pytest.mark.parametrize("named", [True, False])
def test_the_segment_of_the_label_is_read(a_view, tmp_path, named):
    source = {"source": uid_of(a_view)} if named else {}
    frames = [{"segment": 1, "pixels": OTHER, **source}, {"segment": 3, "pixels": LESION, **source}]
    mask = a_segmentation(tmp_path / "s.dcm", frames)
    assert dicom_segmentation.is_segmentation(mask)
    assert np.array_equal(roi_of(a_view, mask, label=3), LESION)
    assert np.array_equal(roi_of(a_view, mask, label=1), OTHER)
    with pytest.raises(InputError, match=r"no segment 2 \(segments present: 1, 3\)"):
        roi_of(a_view, mask, label=2)


def test_frames_of_one_segment_are_joined_and_frames_of_other_images_are_left_out(a_view, tmp_path):
    own, foreign = {"source": uid_of(a_view)}, {"source": "1.2.3"}
    frames = [
        {"segment": 1, "pixels": LESION, **own},
        {"segment": 1, "pixels": OTHER, **own},
        {"segment": 1, "pixels": a_lesion(slice(0, 30), slice(0, 40)), **foreign},
    ]
    assert np.array_equal(roi_of(a_view, a_segmentation(tmp_path / "s.dcm", frames)), LESION | OTHER)
    mask = a_segmentation(tmp_path / "s.dcm", frames[2:])
    with pytest.raises(InputError, match="drawn on other images than this one"):
        roi_of(a_view, mask)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_fractional_segment_covers_what_is_half_inside(a_view, tmp_path, compressed):
    pixels = LESION * np.uint8(200)
    pixels[10] //= 2
    pixels[11] //= 3
    mask = a_segmentation(
        tmp_path / "s.dcm", [{"segment": 1, "pixels": pixels}], "FRACTIONAL", MaximumFractionalValue=200
    )
    if compressed:
        recompressed(mask, uid.RLELossless)
    expected = LESION.copy()
    expected[11] = 0
    assert np.array_equal(roi_of(a_view, mask), expected)


def test_a_segment_without_a_frame_is_empty(a_view, tmp_path):
    mask = a_segmentation(tmp_path / "s.dcm", [{"segment": 1, "pixels": LESION}], empty_segments=[2])
    with pytest.raises(InputError, match="The mask is empty"):
        roi_of(a_view, mask, label=2)


def test_a_label_map_holds_all_segments_in_one_frame(a_view, tmp_path):
    pixels = LESION * np.uint8(2) + OTHER
    mask = a_segmentation(tmp_path / "s.dcm", [{"segment": 2, "pixels": pixels}], "LABELMAP", empty_segments=[1])
    assert np.array_equal(roi_of(a_view, mask, label=2), LESION)
    assert np.array_equal(roi_of(a_view, mask, label=1), OTHER)


def test_a_small_frame_is_placed_by_its_position(tmp_path):
    image = a_mammogram(tmp_path / "i.dcm", ImagePositionPatient=[5, 7, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    small = np.ones((10, 13), np.uint8)
    frames = [{"segment": 1, "pixels": small, "position": [5 + 1.2, 7 + 1.0, 0]}]
    assert np.array_equal(roi_of(image, a_segmentation(tmp_path / "s.dcm", frames)), LESION)


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ({"position": [0.05, 0, 0]}, "does not lie on the pixels"),
        ({"position": [0, 0, 5]}, "does not lie on the pixels"),
        ({"position": [0, 0, 0], "spacing": [0.2, 0.2]}, "does not lie on the pixels"),
        ({"position": [3.5, 0, 0]}, "reaches beyond the image"),
        ({}, "13 x 10 pixels and the image 40 x 30, and no position"),
        ({"position": [0, 0, 0], "pixels": np.zeros((10, 13), np.uint8)}, "The mask is empty"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(tmp_path, frame, sentence):
    image = a_mammogram(tmp_path / "i.dcm")
    frames = [{"segment": 1, "pixels": np.ones((10, 13), np.uint8), **frame}]
    mask = a_segmentation(tmp_path / "s.dcm", frames)
    with pytest.raises(InputError, match=sentence):
        roi_of(image, mask)


def test_positions_count_in_the_spacing_that_other_software_shows(tmp_path):
    image = a_mammogram(tmp_path / "i.dcm", EstimatedRadiographicMagnificationFactor=1.25)
    frames = [{"segment": 1, "pixels": np.ones((10, 13), np.uint8), "position": [1.2, 1.0, 0]}]
    found, roi = imaging.read_case(image, a_segmentation(tmp_path / "s.dcm", frames))
    assert np.array_equal(sitk.GetArrayFromImage(roi)[0], LESION)
    assert roi.GetSpacing() == found.GetSpacing() == pytest.approx((0.08, 0.08, 1.0))


def test_a_segmentation_fits_an_image_that_is_no_dicom_file(tmp_path):
    image = sitk.GetImageFromArray(RAMP[None])
    image.SetSpacing((0.1, 0.1, 1.0))
    sitk.WriteImage(image, str(tmp_path / "i.nrrd"))
    mask = a_segmentation(tmp_path / "s.dcm", [{"segment": 1, "pixels": LESION, "source": "1.2.3"}])
    assert np.array_equal(roi_of(tmp_path / "i.nrrd", mask), LESION)


def test_a_damaged_segmentation_is_refused(a_view, tmp_path):
    mask = a_segmentation(tmp_path / "s.dcm", [{"segment": 1, "pixels": LESION}, {"segment": 2, "pixels": OTHER}])
    whole = mask.read_bytes()
    mask.write_bytes(whole[:-100])
    with pytest.raises(InputError, match="is a damaged DICOM file"):
        roi_of(a_view, mask)
    data = pydicom.dcmread(a_segmentation(mask, [{"segment": 1, "pixels": LESION}]))
    del data.PerFrameFunctionalGroupsSequence
    data.save_as(mask)
    with pytest.raises(InputError, match="describes 0 frames and holds 1"):
        roi_of(a_view, mask)


def test_a_segmentation_is_no_mammogram(a_view, tmp_path):
    mask = a_segmentation(tmp_path / "s.dcm", [{"segment": 1, "pixels": LESION}])
    with pytest.raises(InputError, match="is no mammogram but Segmentation Storage"):
        imaging.read_case(mask, mask)
