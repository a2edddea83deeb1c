"""Nodes of a real MRML scene to images and back, without losing a pixel, a digit or the way up."""

import numpy as np
import pytest
import SimpleITK as sitk
from made_up import a_table
from MammoRadiomicsLib import features, imaging, learning, phantoms, prediction
from MammoRadiomicsLib.errors import InputError, ModelFileError
from MammoRadiomicsLib.settings import TrainingSettings


@pytest.fixture
def mrml(host):
    from MammoRadiomicsLib import mrml

    return mrml


@pytest.fixture
def scene(host):
    import slicer

    return slicer.mrmlScene


@pytest.fixture(scope="module")
def a_phantom():
    image, roi = phantoms.mammogram(3, size=(160, 120), diameter_mm=2.5)
    return sitk.Cast(image / 16, sitk.sitkUInt16), roi


@pytest.fixture(scope="module")
def a_model():
    return learning.train(a_table(), "outcome", TrainingSettings(folds=2, calibration_folds=3, lasso_folds=3)).model


def test_a_volume_gives_back_its_image(mrml, scene, a_phantom):
    image, _ = a_phantom
    image = sitk.Image(image)
    image.SetOrigin((10.0, -5.0, 3.0))
    found = mrml.image_from_volume(mrml.volume_from_image(scene, image, "CC"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(image))
    assert found.GetPixelID() == image.GetPixelID()
    for quantity in ("Spacing", "Origin", "Direction"):
        assert getattr(found, f"Get{quantity}")() == getattr(image, f"Get{quantity}")()


def test_a_mammogram_stands_as_in_its_file(mrml, scene, a_phantom):
    """Columns from left to right and rows downwards in an axial view, which looks along RAS (-1, -1, 1)."""
    node = mrml.volume_from_image(scene, a_phantom[0], "CC")
    directions = np.zeros((3, 3))
    node.GetIJKToRASDirections(directions)
    np.testing.assert_array_equal(directions, np.diag([-1.0, -1.0, 1.0]))


def test_a_segment_gives_back_its_mask(mrml, scene, a_phantom):
    image, roi = a_phantom
    volume = mrml.volume_from_image(scene, image, "CC")
    segmentation, segment_id = mrml.segmentation_from_mask(scene, roi, volume, "Outline")
    found = mrml.mask_from_segment(segmentation, segment_id, volume)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(roi))
    assert segmentation.GetSegmentation().GetSegment(segment_id).GetName() == "Lesion"


def test_the_scene_and_the_file_give_the_same_1409_features(mrml, scene, a_phantom, tmp_path):
    image, roi = a_phantom
    paths = tmp_path / "image.nrrd", tmp_path / "mask.nrrd"
    for each, path in zip(a_phantom, paths, strict=True):
        sitk.WriteImage(each, str(path))
    volume = mrml.volume_from_image(scene, image, "CC")
    segmentation, segment_id = mrml.segmentation_from_mask(scene, roi, volume, "Outline")
    from_scene = features.extract(
        mrml.image_from_volume(volume), mrml.mask_from_segment(segmentation, segment_id, volume), "study-1409"
    )
    assert len(from_scene) == 1409
    assert from_scene == features.extract(*imaging.read_case(*paths), "study-1409")


def test_a_volume_without_spacing_needs_one(mrml, scene, a_phantom):
    image = sitk.Image(a_phantom[0])
    image.SetSpacing((1.0, 1.0, 1.0))
    volume = mrml.volume_from_image(scene, image, "Right CC")
    with pytest.raises(InputError, match="volume Right CC does not say how large its pixels are"):
        mrml.image_from_volume(volume)
    assert mrml.image_from_volume(volume, 0.07).GetSpacing()[:2] == (0.07, 0.07)


def test_refuses_a_transformed_volume_and_one_without_pixels(mrml, scene, a_phantom):
    volume = mrml.volume_from_image(scene, a_phantom[0], "CC")
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="is under a transform"):
        mrml.image_from_volume(volume)
    with pytest.raises(InputError, match="has no pixels"):
        mrml.image_from_volume(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))


def test_refuses_a_segment_that_is_empty_or_not_there(mrml, scene, a_phantom):
    image, roi = a_phantom
    volume = mrml.volume_from_image(scene, image, "CC")
    segmentation, _ = mrml.segmentation_from_mask(scene, roi, volume, "Outline")
    empty = segmentation.GetSegmentation().AddEmptySegment("", "Nothing")
    with pytest.raises(InputError, match="segment Nothing has no pixel on CC"):
        mrml.mask_from_segment(segmentation, empty, volume)
    with pytest.raises(InputError, match="has no segment 'gone'"):
        mrml.mask_from_segment(segmentation, "gone", volume)


def test_a_table_keeps_every_digit_in_the_session(mrml, scene):
    rows = [{"feature": "a", "CC": 1 / 3, "MLO": 123456789.123}]
    found = mrml.table_to_rows(mrml.rows_to_table(scene, rows, "Features"))
    assert [(row["feature"], float(row["CC"]), float(row["MLO"])) for row in found] == [("a", 1 / 3, 123456789.123)]


def test_a_saved_scene_brings_back_result_and_model(mrml, scene, a_phantom, a_model, tmp_path):
    record = {"outcome": "slnm", "probabilities": {"0": 1 / 3, "1": 2 / 3}, "card": 'Größe <b>&\n"quoted"'}
    mrml.result_to_node(scene, record, "result")
    mrml.model_to_node(scene, a_model, "model")
    path = tmp_path / "Müller.mrb"
    assert scene.WriteToMRB(str(path), None, None)
    scene.Clear()
    assert scene.ReadFromMRB(str(path))
    assert mrml.result_from_node(scene.GetFirstNodeByName("result")) == record
    loaded = mrml.model_from_node(scene.GetFirstNodeByName("model"))
    assert loaded.digest == a_model.digest


def test_refuses_a_text_node_without_a_model_or_with_a_damaged_one(mrml, scene, a_model):
    text = scene.AddNewNodeByClass("vtkMRMLTextNode")
    text.SetText("hello")
    assert not mrml.is_model_node(text)
    with pytest.raises(InputError, match="holds no model"):
        mrml.model_from_node(text)
    with pytest.raises(InputError, match="holds no result"):
        mrml.result_from_node(text)
    node = mrml.model_to_node(scene, a_model)
    node.SetText(node.GetText().replace("A", "B", 1000))
    with pytest.raises(ModelFileError):
        mrml.model_from_node(node)


def test_a_prediction_from_the_scene_is_the_one_from_the_images(mrml, scene, a_phantom):
    image, roi = a_phantom
    table = a_table(features=20, views=("CC",))
    model = learning.train(table, "outcome", TrainingSettings(folds=2, calibration_folds=3, lasso_folds=3)).model
    volume = mrml.volume_from_image(scene, image, "CC")
    segmentation, segment_id = mrml.segmentation_from_mask(scene, roi, volume, "Outline")
    outline = mrml.image_from_volume(volume), mrml.mask_from_segment(segmentation, segment_id, volume)
    record = prediction.predict(model, {"CC": outline})
    assert record == prediction.predict(model, {"CC": (image, roi)})
    assert set(record["views"]["CC"]["features"]) == set(model.feature_names)
    assert "Not a medical device." in prediction.as_text(record)
    with pytest.raises(InputError, match="trained on CC, not on MLO"):
        prediction.predict(model, {"MLO": outline})
