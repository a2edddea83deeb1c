"""A cohort: a table of features and outcomes in, a validated model out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLTableNode, vtkMRMLTextNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class MammoRadiomicsTraining(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MammoRadiomics Training")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Informatics")]
        self.parent.dependencies = ["MammoRadiomics"]
        self.parent.contributors = ["MammoRadiomics contributors"]
        self.parent.helpText = _(
            "Trains and validates a radiomics model on a table of features with outcomes, and applies models to "
            "tables. For research; not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The method follows Frontiers in Oncology 2025, doi 10.3389/fonc.2025.1578458."
        )


@parameterNodeWrapper
class MammoRadiomicsTrainingParameterNode:
    """What the panel shows, kept in the scene. The settings mirror the library's TrainingSettings."""

    table: vtkMRMLTableNode
    featuresPath: str
    cohortPath: str
    outcome: str = "slnm"
    views: Annotated[str, Choice(["mean", "concat", "CC", "MLO"])] = "mean"
    folds: Annotated[int, WithinRange(2, 20)] = 5
    repeats: Annotated[int, WithinRange(1, 100)] = 1
    randomState: Annotated[int, WithinRange(0, 999999)] = 15
    smote: bool = True
    demonstration: bool = False
    model: vtkMRMLTextNode


class MammoRadiomicsTrainingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._shownModel = None

    def setup(self) -> None:
        """Load the panel and connect it."""
        from MammoRadiomicsLib import mrml

        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/MammoRadiomicsTraining.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = MammoRadiomicsTrainingLogic()
        self.ui.modelSelector.addAttribute("vtkMRMLTextNode", mrml.MODEL_ATTRIBUTE)

        for event in (slicer.mrmlScene.StartCloseEvent, slicer.mrmlScene.StartImportEvent):
            self.addObserver(slicer.mrmlScene, event, self.onSceneStartChange)
        # It ends closing and loading alike, and the node selectors list the nodes of a loaded scene no earlier.
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndBatchProcessEvent, self.onSceneEndChange)
        self.ui.featuresPathLineEdit.connect("currentPathChanged(QString)", self.onPathChanged)
        self.ui.cohortPathLineEdit.connect("currentPathChanged(QString)", self.onPathChanged)
        self.ui.modelPathLineEdit.connect("currentPathChanged(QString)", self.onParametersModified)
        self.ui.trainButton.connect("clicked(bool)", self.onTrain)
        self.ui.saveModelButton.connect("clicked(bool)", self.onSaveModel)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Release everything when the panel is destroyed."""
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        self.initializeParameterNode()

    def exit(self) -> None:
        self.setParameterNode(None)

    def onSceneStartChange(self, caller, event) -> None:
        """Let go of a scene that is being closed, or of parameters that a loaded scene replaces."""
        self.setParameterNode(None)

    def onSceneEndChange(self, caller, event) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        if self._parameterNode is None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode) -> None:
        """Show and observe another parameter node, or none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._parameterNode = parameterNode
        self._parameterNodeGuiTag = None
        self._shownModel = None
        if self._parameterNode:
            self._showPaths()
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
            self.onParametersModified()

    def onPathChanged(self) -> None:
        """Store the paths; a path edit has no binding to text in Slicer, and an empty pathlib.Path would read "."."""
        if self._parameterNode:
            features, cohort = self.ui.featuresPathLineEdit.currentPath, self.ui.cohortPathLineEdit.currentPath
            with slicer.util.NodeModify(self._parameterNode):
                self._parameterNode.featuresPath = features
                self._parameterNode.cohortPath = cohort

    def _showPaths(self) -> None:
        features, cohort = self._parameterNode.featuresPath, self._parameterNode.cohortPath
        self.ui.featuresPathLineEdit.currentPath = features
        self.ui.cohortPathLineEdit.currentPath = cohort

    def onParametersModified(self, caller=None, event=None) -> None:
        """Bring everything into line with the parameter node."""
        if self._parameterNode is None:
            return
        parameters = self._parameterNode
        if parameters.model is None or parameters.model is not self._shownModel:
            # Only for another model: reading one verifies it.
            self._shownModel = parameters.model
            self.ui.cardBrowser.plainText = self.logic.cardText(parameters.model)
        obstacle = "" if parameters.table or parameters.featuresPath else _("Give a feature table first.")
        canApply = parameters.model is not None and not obstacle
        if not obstacle and not parameters.outcome:
            obstacle = _("Say what to predict: slnm, her2 or a column.")
        self.ui.trainButton.enabled = not obstacle
        self.ui.trainButton.toolTip = obstacle or _("Train a model on the table and measure it by cross-validation.")
        self.ui.statusLabel.text = obstacle or _("Ready. Training takes minutes; the window waits for it.")
        self.ui.saveModelButton.enabled = parameters.model is not None and bool(self.ui.modelPathLineEdit.currentPath)
        self.ui.applyButton.enabled = canApply

    def onTrain(self) -> None:
        from MammoRadiomics import ensureDependencies

        with slicer.util.tryWithErrorDisplay(_("Training is not possible.")):
            ensureDependencies("MammoRadiomicsTraining", pyradiomics=False)
        with slicer.util.tryWithErrorDisplay(_("Training failed."), waitCursor=True):
            parameters = self._parameterNode
            parameters.model = self.logic.train(
                self.logic.selectedTable(parameters),
                parameters.outcome,
                self.logic.settings(parameters),
                parameters.cohortPath or None,
            )

    def onSaveModel(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The model could not be saved."), waitCursor=True):
            path = self.logic.saveModel(self._parameterNode.model, self.ui.modelPathLineEdit.currentPath)
            self.ui.modelPathLineEdit.addCurrentPathToHistory()
            self.ui.statusLabel.text = _("Saved: {path}").format(path=path)

    def onApply(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The table could not be predicted."), waitCursor=True):
            table = self.logic.apply(self._parameterNode.model, self.logic.selectedTable(self._parameterNode))
            message = _("{count} lesions are in the table {name}.")
            self.ui.statusLabel.text = message.format(count=table.GetNumberOfRows(), name=table.GetName())


class MammoRadiomicsTrainingLogic(ScriptedLoadableModuleLogic):
    """Everything that the panel does, in one call each."""

    def getParameterNode(self):
        return MammoRadiomicsTrainingParameterNode(super().getParameterNode())

    def train(
        self,
        tableNodeOrPath: vtkMRMLTableNode | str | Path,
        outcome: str,
        settings=None,
        cohortPath: str | Path | None = None,
    ) -> vtkMRMLTextNode:
        """Train a model and add it to the scene.

        :param tableNodeOrPath: features with one row per outline, in the scene or as features.csv.
        :param outcome: slnm, her2 or a column.
        :param settings: MammoRadiomicsLib.settings.TrainingSettings; the study's by default.
        :param cohortPath: cohort.csv with the outcome, where the table has it not.
        """
        from MammoRadiomicsLib import cohort, learning, mrml

        table = self._featureTable(tableNodeOrPath)
        if cohortPath is not None:
            table = cohort.with_cohort(table, cohort.read_cohort(cohortPath))
        model = learning.train(table, outcome, settings, self._showProgress).model
        return mrml.model_to_node(slicer.mrmlScene, model)

    def apply(self, modelNode: vtkMRMLTextNode, tableNodeOrPath: vtkMRMLTableNode | str | Path) -> vtkMRMLTableNode:
        """Apply a model to every lesion of a table and add the table of predictions to the scene."""
        from MammoRadiomicsLib import mrml, prediction

        model = mrml.model_from_node(modelNode)
        rows = prediction.predict_table(model, self._featureTable(tableNodeOrPath))
        return mrml.rows_to_table(slicer.mrmlScene, rows, f"{model.outcome} predictions")

    def saveModel(self, modelNode: vtkMRMLTextNode, path: str | Path) -> Path:
        """Write a model of the scene as a .mammomodel file and return its path."""
        from MammoRadiomicsLib import model_file, mrml

        return model_file.save(mrml.model_from_node(modelNode), Path(path).with_suffix(model_file.SUFFIX))

    def _featureTable(self, tableNodeOrPath: vtkMRMLTableNode | str | Path):
        from MammoRadiomicsLib import mrml, tables

        if isinstance(tableNodeOrPath, (str, Path)):
            return tables.read_features(tableNodeOrPath)
        return tables.feature_table(mrml.table_to_rows(tableNodeOrPath), tableNodeOrPath.GetName())

    def _showProgress(self, done: int, total: int, message: str) -> None:
        slicer.util.showStatusMessage(f"{message} ({done}/{total})")
        slicer.app.processEvents()

    @staticmethod
    def selectedTable(parameterNode) -> vtkMRMLTableNode | str:
        """Return the table node of the panel, or its path."""
        return parameterNode.table or parameterNode.featuresPath

    @staticmethod
    def settings(parameterNode):
        """Return the panel's settings as the library's."""
        from MammoRadiomicsLib.settings import TrainingSettings

        return TrainingSettings(
            views=parameterNode.views,
            folds=parameterNode.folds,
            repeats=parameterNode.repeats,
            random_state=parameterNode.randomState,
            smote=parameterNode.smote,
            purpose="demonstration" if parameterNode.demonstration else "research",
        )

    @staticmethod
    def cardText(modelNode: vtkMRMLTextNode | None) -> str:
        """Return the card of a model, or why there is none."""
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        try:
            return mrml.model_from_node(modelNode).card if modelNode else ""
        except MammoRadiomicsError as error:
            return str(error)


class MammoRadiomicsTrainingTest(ScriptedLoadableModuleTest):
    """The flow of the module on a made-up table; runs in Slicer and outside it, where scikit-learn is installed."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_table_to_model_to_predictions()

    def test_table_to_model_to_predictions(self):
        """A table in the scene gives a model node, and the model predicts the table's lesions."""
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.settings import TrainingSettings

        self.delayDisplay("Adding a table")
        tableNode = mrml.rows_to_table(slicer.mrmlScene, self.madeUpRows(), "Features")
        logic = MammoRadiomicsTrainingLogic()
        settings = TrainingSettings(folds=2, lasso_folds=3, calibration_folds=3, alpha_count=8, purpose="demonstration")
        modelNode = logic.train(tableNode, "slnm", settings)
        self.assertIn("DEMONSTRATION", mrml.model_from_node(modelNode).card)
        predictions = mrml.table_to_rows(logic.apply(modelNode, tableNode))
        self.assertEqual(len(predictions), 40)
        byClass = {0: [], 1: []}
        for i, row in enumerate(predictions):
            byClass[i % 2].append(float(row["probability_1"]))
        self.assertGreater(sum(byClass[1]), sum(byClass[0]))
        self.delayDisplay("Test passed")

    @staticmethod
    def madeUpRows() -> list[dict]:
        """Return 40 lesions of which every second one is brighter."""
        import numpy as np

        rng = np.random.default_rng(15)
        names = ["original_firstorder_Mean", "original_firstorder_Range", "original_glcm_Contrast"]
        rows = []
        for i in range(40):
            values = rng.normal(size=3)
            values[0] += 1.5 * (i % 2)
            keys = {"patient_id": f"P{i:02d}", "lesion_id": "1", "laterality": "L", "view": "CC", "reader": ""}
            roi = {"preset": "study-1409", "pixel_spacing_mm": 0.1, "roi_pixels": 100, "slnm": i % 2}
            rows.append(keys | roi | dict(zip(names, values.tolist(), strict=True)))
        return rows
