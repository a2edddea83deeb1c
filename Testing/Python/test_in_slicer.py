"""Runs inside Slicer through ctest, and here in the stand-in: both modules on a real MRML scene. Plain unittest."""

import functools
import importlib.util
import tempfile
import unittest
from pathlib import Path

HAS_TRAINING_PACKAGES = all(importlib.util.find_spec(name) for name in ("sklearn", "imblearn"))


def a_phantom(name: str):
    """Add a phantom and its outline to the scene; return volume, segmentation and segment ID."""
    import slicer
    from MammoRadiomicsLib import mrml, phantoms

    image, mask = phantoms.mammogram(1, size=(160, 160), diameter_mm=2.5)
    # On a film's 16-bit scale the study's bin width gives more grey levels than texture can use, and a warning.
    volume = mrml.volume_from_image(slicer.mrmlScene, image / 16, f"Phantom {name}")
    return volume, *mrml.segmentation_from_mask(slicer.mrmlScene, mask, volume, f"Outline {name}")


@functools.cache
def a_model():
    """Train a demonstration model on made-up rows, once."""
    from MammoRadiomicsLib import learning, tables
    from MammoRadiomicsLib.settings import TrainingSettings

    from MammoRadiomicsTraining import MammoRadiomicsTrainingTest

    rows = [{name: str(cell) for name, cell in row.items()} for row in MammoRadiomicsTrainingTest.madeUpRows()]
    settings = TrainingSettings(folds=2, lasso_folds=3, calibration_folds=3, alpha_count=8, purpose="demonstration")
    return learning.train(tables.feature_table(rows, "made-up rows"), "slnm", settings).model


def a_model_node():
    """Add the model to the scene."""
    import slicer
    from MammoRadiomicsLib import mrml

    return mrml.model_to_node(slicer.mrmlScene, a_model())


def saved_and_loaded_again():
    """Save the scene as .mrb, clear it and load it."""
    import slicer

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "scene.mrb")
        assert slicer.mrmlScene.WriteToMRB(path)
        slicer.mrmlScene.Clear()
        assert slicer.mrmlScene.ReadFromMRB(path)


class ModulesInTheScene(unittest.TestCase):
    def setUp(self):
        import slicer

        slicer.mrmlScene.Clear()

    def test_the_parameters_survive_saving_the_scene(self):
        from MammoRadiomics import MammoRadiomicsLogic

        parameters = MammoRadiomicsLogic().getParameterNode()
        parameters.ccVolume, parameters.ccSegmentation, parameters.ccSegmentId = a_phantom("CC")
        parameters.ccSpacingMm = 0.0941
        segmentId = parameters.ccSegmentId
        saved_and_loaded_again()
        loaded = MammoRadiomicsLogic().getParameterNode()
        self.assertEqual(loaded.ccVolume.GetName(), "Phantom CC")
        self.assertEqual(loaded.ccSegmentation.GetName(), "Outline CC")
        self.assertEqual(loaded.ccSegmentId, segmentId)
        self.assertEqual(loaded.ccSpacingMm, 0.0941)
        self.assertIsNone(loaded.mloVolume)

    def test_the_training_parameters_survive_saving_the_scene(self):
        from MammoRadiomicsTraining import MammoRadiomicsTrainingLogic

        parameters = MammoRadiomicsTrainingLogic().getParameterNode()
        parameters.outcome, parameters.views, parameters.folds, parameters.smote = "her2", "concat", 7, False
        parameters.featuresPath = "Brüste/features.csv"
        saved_and_loaded_again()
        loaded = MammoRadiomicsTrainingLogic().getParameterNode()
        self.assertEqual((loaded.outcome, loaded.views, loaded.folds, loaded.smote), ("her2", "concat", 7, False))
        self.assertEqual(loaded.featuresPath, "Brüste/features.csv")

    @unittest.skipUnless(HAS_TRAINING_PACKAGES, "needs scikit-learn and imbalanced-learn")
    def test_a_result_and_its_model_survive_saving_the_scene_digit_for_digit(self):
        import slicer
        from MammoRadiomicsLib import mrml

        from MammoRadiomics import MammoRadiomicsLogic

        logic = MammoRadiomicsLogic()
        result = logic.predict(a_model_node(), {"CC": (*a_phantom("CC"), None)})
        record = mrml.result_from_node(result)
        self.assertIn("probabilities", record)
        parameters = logic.getParameterNode()
        parameters.results = [result]
        saved_and_loaded_again()
        self.assertEqual(mrml.result_from_node(logic.getParameterNode().results[0]), record)
        models = [node for node in slicer.util.getNodesByClass("vtkMRMLTextNode") if mrml.is_model_node(node)]
        segmentation = slicer.util.getFirstNodeByClassByName("vtkMRMLSegmentationNode", "Outline CC")
        volume = slicer.util.getFirstNodeByClassByName("vtkMRMLScalarVolumeNode", "Phantom CC")
        again = logic.predict(
            models[0], {"CC": (volume, segmentation, segmentation.GetSegmentation().GetNthSegmentID(0), None)}
        )
        self.assertEqual(mrml.result_from_node(again), record)


if __name__ == "__main__":
    unittest.main()
