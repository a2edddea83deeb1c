"""A mammogram that Slicer loaded is the same as one that the library reads: pixels by its file, whatever the loader."""

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import RAMP, a_mammogram, a_modality_lut
from MammoRadiomicsLib import intake
from MammoRadiomicsLib.errors import InputError


@pytest.fixture
def loaded(host):
    """Load a file with one of the readers of Slicer's DICOM module, as an image in the volume's place."""
    import slicer
    from MammoRadiomicsLib import mrml
    from vtk import vtkImageChangeInformation

    def load(path, reader_name: str) -> sitk.Image:
        reader = slicer.vtkITKArchetypeImageSeriesScalarReader()
        reader.SetArchetype(str(path))
        reader.AddFileName(str(path))
        reader.SetSingleFile(0)
        reader.SetOutputScalarTypeToNative()
        reader.SetDesiredCoordinateOrientationToNative()
        reader.SetUseNativeOriginOn()
        getattr(reader, f"SetDICOMImageIOApproachTo{reader_name}")()
        unit = vtkImageChangeInformation()
        unit.SetInputConnection(reader.GetOutputPort())
        unit.SetOutputSpacing(1, 1, 1)
        unit.SetOutputOrigin(0, 0, 0)
        unit.Update()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.stem)
        node.SetAndObserveImageData(unit.GetOutput())
        node.SetRASToIJKMatrix(reader.GetRasToIjkMatrix())
        return mrml.image_from_volume(node, 0.5)

    return load


CASES = {
    "plain": {},
    "monochrome1": {"PhotometricInterpretation": "MONOCHROME1"},
    "rescaled": {"RescaleSlope": 2, "RescaleIntercept": -10},
    "both": {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 2, "RescaleIntercept": -10},
    "table": {"ModalityLUTSequence": [a_modality_lut(RAMP.ravel()[::-1].copy())]},
    "placed": {"ImagePositionPatient": [10, 20, 30], "ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
}


@pytest.mark.parametrize("reader_name", ["GDCM", "DCMTK"])
@pytest.mark.parametrize("case", CASES)
def test_a_loaded_volume_is_the_mammogram_of_its_file(loaded, tmp_path, case, reader_name):
    path = a_mammogram(tmp_path / "i.dcm", EstimatedRadiographicMagnificationFactor=1.25, **CASES[case])
    volume = loaded(path, reader_name)
    image, found = intake.of_volume(path, volume)
    expected, _ = intake.read(path)
    assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected))
    assert image.GetSpacing()[:2] == pytest.approx((0.08, 0.08))
    assert (image.GetOrigin(), image.GetDirection()) == (volume.GetOrigin(), volume.GetDirection())
    not_inverted = reader_name == "DCMTK" and "PhotometricInterpretation" in CASES[case]
    assert any("without inverting MONOCHROME1" in note for note in found.notes) == not_inverted


def test_slicers_default_loader_inverts_monochrome1_as_the_library_does(loaded, tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(sitk.GetArrayFromImage(loaded(path, "GDCM"))[0], 4095 - RAMP)
    assert np.array_equal(sitk.GetArrayFromImage(intake.read(path)[0])[0], 4095 - RAMP)


def test_a_volume_that_was_edited_or_cropped_is_no_longer_its_file(loaded, tmp_path):
    path = a_mammogram(tmp_path / "i.dcm")
    volume = loaded(path, "GDCM")
    with pytest.raises(InputError, match="no longer as large as its image"):
        intake.of_volume(path, volume[5:, :, :])
    volume[3, 4, 0] += 1
    with pytest.raises(InputError, match="no longer has the pixels of its image"):
        intake.of_volume(path, volume)
