"""A cohort: images or a table of features, with outcomes, in; a validated model, its curves and its report out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
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
            "From the images of a cohort, or a table of features, to a validated radiomics model with its curves, its "
            "tables and its report. For research; not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The method follows Frontiers in Oncology 2025, doi 10.3389/fonc.2025.1578458."
        )


@parameterNodeWrapper
class MammoRadiomicsTrainingParameterNode:
    """What the panel shows, kept in the scene. The settings mirror the library's TrainingSettings."""

    cohortPath: str
    featuresPath: str
    table: vtkMRMLTableNode
    columns: str
    outcome: str = "slnm"
    outputFolder: str
    preset: Annotated[str, Choice(["study-1409", "mammo-2d"])] = "study-1409"
    spacingMm: Annotated[float, WithinRange(0, 1)] = 0.0
    perturb: Annotated[int, WithinRange(0, 100)] = 0
    jobs: Annotated[int, WithinRange(1, 256)] = 1
    views: Annotated[str, Choice(["mean", "concat", "CC", "MLO"])] = "mean"
    reader: str
    missing: Annotated[str, Choice(["refuse", "complete", "impute"])] = "refuse"
    icc: Annotated[float, WithinRange(0, 0.99)] = 0.75
    iccBound: Annotated[str, Choice(["value", "low"])] = "value"
    pValue: Annotated[float, WithinRange(0.0001, 1)] = 0.05
    smote: bool = True
    smoteNeighbours: Annotated[int, WithinRange(1, 50)] = 5
    alphaMin: Annotated[float, WithinRange(0.000001, 1000)] = 0.0001
    alphaMax: Annotated[float, WithinRange(0.000001, 1000)] = 10.0
    alphaCount: Annotated[int, WithinRange(1, 1000)] = 50
    lassoFolds: Annotated[int, WithinRange(2, 50)] = 10
    lassoTarget: Annotated[str, Choice(["numeric", "one-vs-rest"])] = "numeric"
    svmC: Annotated[float, WithinRange(0.001, 1000)] = 1.0
    calibrationFolds: Annotated[int, WithinRange(2, 20)] = 5
    protocol: Annotated[str, Choice(["nested", "study"])] = "nested"
    folds: Annotated[int, WithinRange(2, 20)] = 5
    repeats: Annotated[int, WithinRange(1, 100)] = 1
    split: str
    holdout: Annotated[float, WithinRange(0, 0.9)] = 0.0
    centre: str
    harmonise: bool = False
    permutations: Annotated[int, WithinRange(0, 10000)] = 0
    randomState: Annotated[int, WithinRange(0, 999999)] = 15
    purpose: Annotated[str, Choice(["research", "demonstration"])] = "research"
    predictors: str
    predictorTimes: str
    clinicalUnit: Annotated[str, Choice(["lesion", "breast", "patient"])] = "lesion"
    clinicalStudy: bool = False
    model: vtkMRMLTextNode
    segmenterOutput: str
    segmenterPatchMm: Annotated[float, WithinRange(8, 200)] = 64.0
    segmenterFolds: Annotated[int, WithinRange(2, 20)] = 5
    segmenterEpochs: Annotated[int, WithinRange(1, 1000)] = 60


class MammoRadiomicsTrainingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        """Load the panel and connect it."""
        from MammoRadiomicsGui.training_data import DataSection
        from MammoRadiomicsGui.training_outlines import OutlinesSection
        from MammoRadiomicsGui.training_predictors import PredictorsSection
        from MammoRadiomicsGui.training_result import ResultSection
        from MammoRadiomicsGui.training_run import RunSection
        from MammoRadiomicsGui.training_settings import SettingsSection
        from MammoRadiomicsLib import mrml

        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/MammoRadiomicsTraining.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = MammoRadiomicsTrainingLogic()
        self.ui.modelSelector.addAttribute("vtkMRMLTextNode", mrml.MODEL_ATTRIBUTE)
        self.data = DataSection(self.ui, self.logic, lambda: self._parameterNode, self.onScan)
        self.predictors = PredictorsSection(self.ui, lambda: self._parameterNode)
        self.settings = SettingsSection(self.ui, self.onRestoreDefaults)
        self.run = RunSection(self.ui, self.onRun, self.onStepDone, self.onParametersModified)
        self.result = ResultSection(self.ui, self.logic, lambda: self._parameterNode, self.run.say)
        self.outlines = OutlinesSection(self.ui, self.logic, lambda: self._parameterNode)
        self._connectScene()
        self.initializeParameterNode()

    def _connectScene(self) -> None:
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        # It ends closing and loading alike, and the node selectors list the nodes of a loaded scene no earlier.
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndBatchProcessEvent, self.onSceneEndChange)

    def cleanup(self) -> None:
        """Release everything when the panel is destroyed."""
        self.run.close()
        self.outlines.close()
        self.data.close()
        self.setParameterNode(None)
        self.removeObservers()

    def onReload(self) -> None:
        """Reload the library and the shared parts as well."""
        for name in [
            name for name in sys.modules if name.partition(".")[0] in ("MammoRadiomicsGui", "MammoRadiomicsLib")
        ]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self) -> None:
        self.initializeParameterNode()

    def exit(self) -> None:
        """Let go of the parameters; a run goes on, its results come into the scene when it ends."""
        self.result.leave()
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event) -> None:
        """Let go of a scene that is being closed; what runs for it has nowhere to go."""
        self.run.cancel()
        self.outlines.cancel()
        self.setParameterNode(None)

    def onSceneStartImport(self, caller, event) -> None:
        """Let go of parameters that a loaded scene replaces."""
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
        self.data.forget()
        self.result.forget()
        if self._parameterNode:
            self.data.showPaths()
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.settings.nameValues()
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
            self.onParametersModified()

    def onRestoreDefaults(self) -> None:
        from MammoRadiomicsGui import training_settings

        with slicer.util.NodeModify(self._parameterNode):
            training_settings.restore(self._parameterNode)

    def onParametersModified(self, caller=None, event=None) -> None:
        """Bring everything into line with the parameter node."""
        if self._parameterNode is None:
            return
        self.data.show(self.run.running)
        self.predictors.show(self.data.columns)
        self.settings.show(self._parameterNode)
        self.run.show(self.logic.plan(self._parameterNode))
        self.result.show()
        self.outlines.show()

    def onRun(self, steps: list[str] | None) -> None:
        """Run some of the steps, or all that are not done."""
        from MammoRadiomics import ensureDependencies

        with slicer.util.tryWithErrorDisplay(_("The steps cannot be run.")):
            plan, inputs = self.logic.planAndInputs(self._parameterNode)
            # Tables that are to be written may make any step undone.
            wanted = steps or plan.wanted(anew=bool(inputs))
            if wanted in ([], ["evaluation"]):
                self.onStepDone(plan, "evaluation")
            else:
                ensureDependencies("MammoRadiomicsTraining", pyradiomics="extraction" in wanted)
                self.run.start(plan, steps, inputs)

    def onStepDone(self, plan, step: str) -> None:
        """Take a new model and its curves into the scene, also when the panel was left meanwhile."""
        parameters = self.logic.getParameterNode()
        with slicer.util.tryWithErrorDisplay(_("The result cannot be shown."), waitCursor=True):
            if step in ("training", "evaluation"):
                parameters.model = self.logic.loadModel(plan.model)
                self.logic.addCharts(plan.report)
            elif step == "extraction":
                self.data.showProblems(*self.logic.failures(plan))
            elif step == "clinical":
                self.logic.addClinical(plan.clinicalReport)
            elif step == "scan":
                parameters.cohortPath = str(plan.proposal)
        # A long training does not change what the user looks at meanwhile.
        if step == "evaluation" and self._parameterNode:
            self.result.onShowCurves()

    def onScan(self, folder: Path) -> None:
        """Propose a cohort for a folder."""
        self.run.start(replace(self.logic.plan(self._parameterNode), scanned=folder), ["scan"])


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
        predictors=None,
    ) -> vtkMRMLTextNode:
        """Train a model and add it to the scene.

        :param tableNodeOrPath: features with one row per outline, in the scene or as features.csv.
        :param outcome: slnm, her2 or a column.
        :param settings: MammoRadiomicsLib.settings.TrainingSettings; the study's by default.
        :param cohortPath: cohort.csv with the outcome, where the table has it not.
        :param predictors: MammoRadiomicsLib.predictors.Predictors, for a model that also takes clinical values.
        """
        from MammoRadiomicsLib import cohort, learning, mrml

        table = self._featureTable(tableNodeOrPath)
        if cohortPath is not None:
            table = cohort.with_cohort(table, cohort.read_cohort(cohortPath))
        model = learning.train(table, outcome, settings, self._showProgress, predictors=predictors).model
        return mrml.model_to_node(slicer.mrmlScene, model)

    def apply(self, modelNode: vtkMRMLTextNode, tableNodeOrPath: vtkMRMLTableNode | str | Path) -> vtkMRMLTableNode:
        """Apply a model to every lesion of a table and add the table of predictions to the scene."""
        from MammoRadiomicsLib import mrml, prediction

        model = mrml.model_from_node(modelNode)
        rows = prediction.predict_table(model, self._featureTable(tableNodeOrPath))
        return mrml.rows_to_table(slicer.mrmlScene, rows, f"{model.outcome} predictions")

    def runStep(self, parameterNode, step: str) -> str:
        """Run a step of the panel, waiting for it, and return what it says.

        :param step: extraction, stability or training; its files go into the results folder.
        """
        from MammoRadiomicsLib import command_line

        options = command_line.parser().parse_args(self.prepare(parameterNode).arguments(step))
        return options.command(options, self._showProgress)[1]

    def loadModel(self, path: str | Path) -> vtkMRMLTextNode:
        """Return the text node of a .mammomodel file; it is added to the scene where it is not there yet."""
        from MammoRadiomicsLib import model_file, mrml

        model = model_file.load(path)
        text = model.to_text()
        models = filter(mrml.is_model_node, slicer.util.getNodesByClass("vtkMRMLTextNode"))
        same = (node for node in models if node.GetText() == text)
        return next(same, None) or mrml.model_to_node(slicer.mrmlScene, model)

    def saveModel(self, modelNode: vtkMRMLTextNode, path: str | Path) -> Path:
        """Write a model of the scene as a .mammomodel file and return its path."""
        from MammoRadiomicsLib import model_file, mrml

        return model_file.save(mrml.model_from_node(modelNode), Path(path).with_suffix(model_file.SUFFIX))

    def addCharts(self, reportFolder: str | Path) -> dict:
        """Add the curves and tables of a report to the scene and return the chart nodes by kind."""
        from MammoRadiomicsLib import curves, mrml_plots

        folder = Path(reportFolder)
        charts, tables = curves.charts_of(folder), curves.tables_of(folder)
        return mrml_plots.add_charts(slicer.mrmlScene, charts, tables, str(folder), folder.name)

    def addClinical(self, reportFolder: str | Path) -> tuple[list[vtkMRMLTableNode], dict]:
        """Add clinical tables and odds ratios to the scene and return their nodes: tables, and charts by contrast."""
        from MammoRadiomicsLib import mrml_plots
        from MammoRadiomicsLib.clinical import charts

        folder = Path(reportFolder)
        found = charts.charts_of(folder), charts.tables_of(folder)
        nodes = mrml_plots.add_charts(slicer.mrmlScene, *found, str(folder), folder.name)
        return mrml_plots.tables_of(slicer.mrmlScene, str(folder)), nodes

    def addCurrentCase(
        self,
        patientId: str,
        outcomes: dict[str, str],
        tableNode: vtkMRMLTableNode | None = None,
        preset: str = "study-1409",
    ) -> vtkMRMLTableNode:
        """Add the features of the views outlined in MammoRadiomics as rows of a table, a new one by default.

        :param patientId: a code.
        :param outcomes: value of each outcome column, empty where not known.
        """
        from MammoRadiomicsGui import training_tables
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import InputError

        from MammoRadiomics import MammoRadiomicsLogic

        logic = MammoRadiomicsLogic()
        views = logic.selectedViews(logic.getParameterNode())
        obstacle = logic.obstacle(views)
        if obstacle:
            raise InputError(_("In MammoRadiomics: {obstacle}").format(obstacle=obstacle))
        outlines = {view: logic.outline(selected) for view, selected in views.items()}
        rows = training_tables.rowsOfCase(patientId, outcomes, outlines, preset)
        if tableNode is None:
            return mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort")
        training_tables.appendRows(tableNode, rows)
        return tableNode

    def tableOfData(self, parameterNode) -> vtkMRMLTableNode:
        """Add the cohort, or else the features, as a table to the scene, to be edited there."""
        from MammoRadiomicsGui.training_sources import Sources
        from MammoRadiomicsLib import mrml

        rows, name = Sources(parameterNode).editableRows()
        node = mrml.rows_to_table(slicer.mrmlScene, rows, name)
        node.SetLocked(False)
        return node

    def showTable(self, tableNode: vtkMRMLTableNode) -> None:
        """Show a table in the table view of the layout."""
        from MammoRadiomicsGui import training_tables

        training_tables.show(tableNode)

    def useModel(self, modelNode: vtkMRMLTextNode) -> None:
        """Select a model in the module MammoRadiomics."""
        from MammoRadiomics import MammoRadiomicsLogic

        MammoRadiomicsLogic().useModel(modelNode)

    def useSegmenter(self, path: str | Path) -> None:
        """Select an outline model in the module MammoRadiomics."""
        from MammoRadiomics import MammoRadiomicsLogic

        MammoRadiomicsLogic().useSegmenter(path)

    def plan(self, parameterNode):
        """Return what the choices come to: tables, files to be made, states of the steps, commands."""
        from MammoRadiomicsGui import training_predictors, training_settings, training_steps
        from MammoRadiomicsGui.training_sources import Sources

        sources = Sources(parameterNode)
        return training_steps.Plan(
            cohort=sources.cohort,
            givenFeatures=sources.features,
            folder=Path(parameterNode.outputFolder) if parameterNode.outputFolder else None,
            outcome=parameterNode.outcome,
            settings=training_settings.fromParameters(parameterNode),
            generated=sources.generated,
            predictors=training_predictors.chosen(parameterNode),
            times=training_predictors.times(parameterNode),
            unit=parameterNode.clinicalUnit,
            study=parameterNode.clinicalStudy,
            **{name: getattr(parameterNode, name) for name in training_settings.EXTRACTION_DEFAULTS},
        )

    def prepare(self, parameterNode):
        """Write those tables that a run needs as files, and return the plan."""
        self.writeTables(parameterNode)
        plan = self.plan(parameterNode)
        plan.settings.validate()
        return plan

    def planAndInputs(self, parameterNode) -> tuple:
        """Return the plan, and the requests to the child process that write its tables first."""
        from MammoRadiomicsGui.training_sources import Sources

        plan = self.plan(parameterNode)
        plan.settings.validate()
        return plan, Sources(parameterNode).writeRequests()

    def writeTables(self, parameterNode) -> None:
        """Write a table of the scene, and one whose columns have other names, into the results folder."""
        from MammoRadiomicsGui.training_sources import Sources

        Sources(parameterNode).write()

    def columns(self, parameterNode) -> list[str]:
        """Return the names of the data's columns that are no features; empty where the data cannot be read."""
        from MammoRadiomicsGui.training_sources import Sources
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        try:
            return Sources(parameterNode).columns()
        except MammoRadiomicsError:
            return []

    def check(self, parameterNode) -> tuple[list[tuple[str, str, str, str]], str]:
        """Return the problems of the data as (row, column, problem, remedy), and a sentence about them."""
        from MammoRadiomicsGui import training_problems
        from MammoRadiomicsGui.training_sources import Sources

        sources = Sources(parameterNode)
        found = sources.check(parameterNode.outcome, parameterNode.spacingMm, parameterNode.missing)
        return training_problems.inWords(found, sources.title)

    @staticmethod
    def checkRequest(parameterNode) -> tuple[str, dict, Iterator[dict]]:
        """Return the name of the data, and what :meth:`check` does as a request to the child process."""
        from MammoRadiomicsGui.training_sources import Sources

        sources = Sources(parameterNode)
        choices = parameterNode.outcome, parameterNode.spacingMm, parameterNode.missing
        return sources.title, *sources.checkRequest(*choices)

    @staticmethod
    def failures(plan) -> tuple[list[tuple[str, str, str, str]], str]:
        """Return the cases that could not be extracted, in the form of :meth:`check`."""
        from MammoRadiomicsGui import training_problems

        return training_problems.failures(plan.features)

    @staticmethod
    def proposedFolder(parameterNode) -> str:
        """Return a folder for the results beside the data, empty where there are no files."""
        path = parameterNode.cohortPath or parameterNode.featuresPath
        return str(Path(path).with_suffix("")) + "-results" if Path(path).is_file() else ""

    def _featureTable(self, tableNodeOrPath: vtkMRMLTableNode | str | Path):
        from MammoRadiomicsLib import mrml, tables

        if isinstance(tableNodeOrPath, (str, Path)):
            return tables.read_features(tableNodeOrPath)
        return tables.feature_table(mrml.table_to_rows(tableNodeOrPath), tableNodeOrPath.GetName())

    def _showProgress(self, done: int, total: int, message: str) -> None:
        slicer.util.showStatusMessage(f"{message} ({done}/{total})")
        slicer.app.processEvents()

    @staticmethod
    def featuresFile(parameterNode) -> Path | None:
        """Return the file of the features: the one given, made from the scene, or extracted; None without."""
        from MammoRadiomicsGui.training_sources import Sources

        sources = Sources(parameterNode)
        if sources.features:
            return sources.features
        extracted = Path(parameterNode.outputFolder) / "features.csv"
        return extracted if extracted.is_file() else None

    @staticmethod
    def settings(parameterNode):
        """Return the panel's settings as the library's."""
        from MammoRadiomicsGui import training_settings

        return training_settings.fromParameters(parameterNode)

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
        """A table of the scene is checked, goes through a step in the child process, gives a model and is predicted."""
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.settings import TrainingSettings

        from MammoRadiomics import MammoRadiomicsLogic

        self.delayDisplay("Adding a table")
        logic = MammoRadiomicsTrainingLogic()
        parameters = logic.getParameterNode()
        parameters.table = mrml.rows_to_table(slicer.mrmlScene, self.madeUpRows(), "Features")
        self.assertEqual(logic.check(parameters)[0], [])
        self.stability(logic, parameters)

        self.delayDisplay("Training")
        settings = TrainingSettings(folds=2, lasso_folds=3, calibration_folds=3, alpha_count=8, purpose="demonstration")
        modelNode = logic.train(parameters.table, "slnm", settings)
        self.assertIn("DEMONSTRATION", mrml.model_from_node(modelNode).card)
        predictions = mrml.table_to_rows(logic.apply(modelNode, parameters.table))
        self.assertEqual(len(predictions), 40)
        byClass = {0: [], 1: []}
        for i, row in enumerate(predictions):
            byClass[i % 2].append(float(row["probability_1"]))
        self.assertGreater(sum(byClass[1]), sum(byClass[0]))
        logic.useModel(modelNode)
        self.assertIn(modelNode, list(MammoRadiomicsLogic().getParameterNode().models))
        self.delayDisplay("Test passed")

    def stability(self, logic, parameters):
        """Measure the agreement of two readers in the child process, and once more in this one."""
        import tempfile
        import time

        from MammoRadiomicsGui.pipeline import Pipeline
        from MammoRadiomicsGui.training_tables import appendRows

        self.delayDisplay("Working in a child process")
        appendRows(parameters.table, [row | {"reader": "second"} for row in self.madeUpRows()])
        with tempfile.TemporaryDirectory() as folder:
            parameters.outputFolder = folder
            plan = logic.prepare(parameters)
            said, ended = [], []
            pipeline = Pipeline(lambda progress: None, lambda step, text: said.append(text), ended.append)
            pipeline.start([("stability", {"command": plan.arguments("stability")}, ())])
            giveUp = time.monotonic() + 120
            while not ended and time.monotonic() < giveUp:
                slicer.app.processEvents()
            self.assertEqual(ended, [""])
            self.assertEqual(plan.state("stability")[0], "done")
            self.assertEqual(said, [logic.runStep(parameters, "stability")])
        parameters.outputFolder = ""

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
