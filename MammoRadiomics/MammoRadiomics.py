"""One patient: outlined mammograms and trained models in, probabilities with their caveats out."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode, vtkMRMLTextNode
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

VIEWS = ("CC", "MLO")
SAMPLE = "MammoRadiomicsPhantom"
SETTLED_MS = 80

# Volume, segmentation, segment ID, pixel spacing in mm (None: as read).
View = tuple[vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, str, float | None]


class MammoRadiomics(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MammoRadiomics")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Informatics")]
        self.parent.dependencies = ["Segmentations", "Volumes"]
        self.parent.contributors = ["MammoRadiomics contributors"]
        self.parent.helpText = _(
            "Radiomics of one patient's mammograms: select the CC and the MLO image, outline the lesion on each, load "
            "trained models and predict. A phantom to try it on is in the module Sample Data. For research; not a "
            "medical device."
        )
        self.parent.acknowledgementText = _(
            "The method follows Frontiers in Oncology 2025, doi 10.3389/fonc.2025.1578458. Features are pyradiomics'."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Add the phantom to the module Sample Data; it lies in this module and needs no network."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="MammoRadiomics",
        sampleName=SAMPLE,
        customDownloader=lambda source: MammoRadiomicsLogic().loadSample(),
    )


def ensureDependencies(requester: str, pyradiomics: bool = True, packages: set[str] | None = None) -> None:
    """Offer to install what is missing; DependencyError where only the user can help."""
    from MammoRadiomicsGui import dependencies

    dependencies.ensure(requester, packages, pyradiomics)


class MammoRadiomicsFileReader:
    """Lets drag and drop, Add Data and slicer.util.loadNodeFromFile read .mammomodel and .mammosegmenter files."""

    def __init__(self, parent):
        self.parent = parent

    def description(self) -> str:
        return _("Radiomics model")

    def fileType(self) -> str:
        return "MammoRadiomicsModel"

    def extensions(self) -> list[str]:
        return [_("Radiomics model") + " (*.mammomodel)", _("Outline model") + " (*.mammosegmenter)"]

    def canLoadFile(self, filePath: str) -> bool:
        return filePath.lower().endswith((".mammomodel", ".mammosegmenter"))

    def load(self, properties: dict) -> bool:
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        logic, path = MammoRadiomicsLogic(), properties["fileName"]
        if path.lower().endswith(".mammosegmenter"):
            # It is too large for the scene, which keeps its path; the panel checks it when it is first used.
            logic.useSegmenter(path)
            return True
        try:
            node = logic.loadModel(path)
        except MammoRadiomicsError as error:
            self.parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, str(error))
            return False
        logic.useModel(node)
        self.parent.loadedNodes = [node.GetID()]
        return True


@parameterNodeWrapper
class MammoRadiomicsParameterNode:
    """What the panel shows, kept in the scene. A spacing of 0 means: as read."""

    ccVolume: vtkMRMLScalarVolumeNode
    ccSpacingMm: Annotated[float, WithinRange(0, 1)] = 0.0
    ccSegmentation: vtkMRMLSegmentationNode
    ccSegmentId: str
    mloVolume: vtkMRMLScalarVolumeNode
    mloSpacingMm: Annotated[float, WithinRange(0, 1)] = 0.0
    mloSegmentation: vtkMRMLSegmentationNode
    mloSegmentId: str
    linkViews: bool = True
    models: list[vtkMRMLTextNode]
    results: list[vtkMRMLTextNode]
    plausibleOutlines: Annotated[int, WithinRange(0, 100)] = 10
    localPrevalence: str
    lowThresholdPercent: Annotated[float, WithinRange(0, 100)] = 20.0
    highThresholdPercent: Annotated[float, WithinRange(0, 100)] = 60.0
    liveUpdate: bool = False
    featuresPreset: Annotated[str, Choice(["model", "study-1409", "mammo-2d"])] = "model"
    segmenterPath: str


class MammoRadiomicsWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._volumeIds = {}

    def setup(self) -> None:
        """Load the panel and connect it."""
        from MammoRadiomicsGui.clinical_section import ClinicalSection
        from MammoRadiomicsGui.images_section import ImagesSection
        from MammoRadiomicsGui.lesion_section import LesionSection
        from MammoRadiomicsGui.model_section import ModelSection
        from MammoRadiomicsGui.proposal_section import ProposalSection
        from MammoRadiomicsGui.result_section import ResultSection

        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/MammoRadiomics.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = MammoRadiomicsLogic()
        self.images = ImagesSection(self.ui, self.logic, self.onParametersModified)
        self.lesion = LesionSection(self.ui, self.logic, self.onOutlinesSelected)
        self.proposal = ProposalSection(self.ui, self.logic, self.lesion, lambda: self._parameterNode)
        self.models = ModelSection(self.ui, self.logic, lambda: self._parameterNode)
        self.clinical = ClinicalSection(
            self.ui, self.logic, lambda: self._parameterNode, self.onClinicalValues, self.recordOf
        )
        self.result = ResultSection(self.ui, self.logic, lambda: self._parameterNode, self.clinical.show)
        # Editing changes an outline many times a second, and each time in several events.
        self._settled = qt.QTimer()
        self._settled.setSingleShot(True)
        self._settled.connect("timeout()", self.onInputsSettled)

        for event in (slicer.mrmlScene.StartCloseEvent, slicer.mrmlScene.StartImportEvent):
            self.addObserver(slicer.mrmlScene, event, self.onSceneStartChange)
        # It ends closing and loading alike, and the node selectors list the nodes of a loaded scene no earlier.
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndBatchProcessEvent, self.onSceneEndChange)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Release everything when the panel is destroyed."""
        self.setParameterNode(None)
        self.proposal.close(waitMs=1000)
        self.result.close(waitMs=1000)
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
        self.setParameterNode(None)
        self.images.leave()

    def onSceneStartChange(self, caller, event) -> None:
        """Let go of a scene that is being closed, or of parameters that a loaded scene replaces."""
        self.setParameterNode(None)
        self.proposal.reset()
        self.result.reset()

    def onSceneEndChange(self, caller, event) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        if self._parameterNode is None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode) -> None:
        """Show and observe another parameter node, or none."""
        if self._parameterNode:
            self._settled.stop()
            self.proposal.release()
            self.lesion.release()
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
            self.removeObservers(self.onInputModified)
        self._parameterNode = parameterNode
        self._parameterNodeGuiTag = None
        if self._parameterNode:
            self._volumeIds = self._currentVolumeIds()
            # Before the widgets are bound, because a bound selector writes back what it shows.
            self.lesion.show(self.logic.slots(parameterNode))
            self.models.show()
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.result.nameValues()
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
            self.onParametersModified()

    def onParametersModified(self, caller=None, event=None) -> None:
        """Bring everything into line with the parameter node."""
        if self._parameterNode is None:
            return
        self._forgetSpacingOfOtherVolumes()
        self._observeInputs()
        slots = self.logic.slots(self._parameterNode)
        volumes, outlines = ({view: slot[i] for view, slot in slots.items()} for i in (0, 1))
        self.images.show(volumes, outlines)
        self.lesion.show(slots)
        self.proposal.show(slots)
        self.models.show()
        self.clinical.show()
        self.result.show()

    def onClinicalValues(self) -> None:
        """Follow a clinical value that was entered: the nomogram at once, the prediction as after an edit."""
        self.clinical.show()
        self.result.show()
        self.result.follow()

    def recordOf(self, modelNode) -> dict | None:
        """Return the record of a model's prediction for what is selected now, None without one."""
        return self.result.recordOf(modelNode)

    def onInputModified(self, caller, event) -> None:
        self._settled.start(SETTLED_MS)

    def onInputsSettled(self) -> None:
        """Follow an edit, once it has paused."""
        if self._parameterNode:
            self.lesion.showSizes()
            self.clinical.show()
            self.result.show()
            self.result.follow()

    def onOutlinesSelected(self, outlines: dict) -> None:
        if self._parameterNode is None:
            return
        with slicer.util.NodeModify(self._parameterNode):
            for view, (segmentation, segmentId) in outlines.items():
                setattr(self._parameterNode, f"{view.lower()}Segmentation", segmentation)
                setattr(self._parameterNode, f"{view.lower()}SegmentId", segmentId)

    def _currentVolumeIds(self) -> dict[str, str]:
        volumes = {view: slot[0] for view, slot in self.logic.slots(self._parameterNode).items()}
        return {view: volume.GetID() if volume else "" for view, volume in volumes.items()}

    def _forgetSpacingOfOtherVolumes(self) -> None:
        """Drop an entered spacing when another volume is selected: it belonged to the former."""
        before, self._volumeIds = self._volumeIds, self._currentVolumeIds()
        for view in VIEWS:
            if before[view] != self._volumeIds[view]:
                setattr(self._parameterNode, f"{view.lower()}SpacingMm", 0.0)

    def _observeInputs(self) -> None:
        """Notice changes of the pixels and of the outlines in use."""
        self.removeObservers(self.onInputModified)
        slots = self.logic.slots(self._parameterNode).values()
        # The same image or segmentation may serve both views.
        for volume in {slot[0] for slot in slots} - {None}:
            self.addObserver(volume, volume.ImageDataModifiedEvent, self.onInputModified)
        for segmentation in {slot[1] for slot in slots} - {None}:
            for event in ("SourceRepresentationModified", "SegmentRemoved", "SegmentModified"):
                observed = getattr(slicer.vtkSegmentation, event)
                self.addObserver(segmentation.GetSegmentation(), observed, self.onInputModified)


class MammoRadiomicsLogic(ScriptedLoadableModuleLogic):
    """Everything that the panel does, in one call each."""

    def getParameterNode(self):
        return MammoRadiomicsParameterNode(super().getParameterNode())

    def extractFeatures(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        segmentationNode: vtkMRMLSegmentationNode,
        segmentId: str,
        preset="study-1409",
        *,
        spacingMm: float | None = None,
        names: list[str] | None = None,
    ) -> dict[str, float]:
        """Return the features of one outlined mammogram.

        :param preset: a preset's name or a pyradiomics parameter file.
        :param spacingMm: size of a pixel in mm, where the volume does not say or says it wrongly.
        :param names: features wanted; all of the preset by default.
        """
        from MammoRadiomicsLib import features

        image, roi = self.outline((volumeNode, segmentationNode, segmentId, spacingMm))
        return features.extract(image, roi, preset, names)

    def featuresTable(self, views: dict[str, View], preset="study-1409") -> vtkMRMLTableNode:
        """Add a table of all features, one column per view; its description says what to be careful of.

        :param views: as for :meth:`predict`.
        """
        from MammoRadiomicsLib import prediction, presets

        preset = presets.load(preset)
        extracted = {view: prediction.extract_noting(*self.outline(each), preset) for view, each in views.items()}
        features = {view: values for view, (values, _notes) in extracted.items()}
        notes = [f"{view}: {note}" for view, (_values, notes) in extracted.items() for note in notes]
        return self.addFeaturesTable(views, features, notes)

    def addFeaturesTable(self, views: dict[str, View], features: dict, notes: list[str]) -> vtkMRMLTableNode:
        """Add features that are known as a table, beside the images."""
        from MammoRadiomicsLib import mrml

        tableNode = mrml.features_to_table(slicer.mrmlScene, features, "Features")
        tableNode.SetDescription(" ".join(notes))
        mrml.place_beside(slicer.mrmlScene, tableNode, next(iter(views.values()))[0])
        return tableNode

    def loadModel(self, path: str | Path) -> vtkMRMLTextNode:
        """Add a .mammomodel file to the scene as a text node."""
        from MammoRadiomicsLib import model_file, mrml

        return mrml.model_to_node(slicer.mrmlScene, model_file.load(path))

    def useModel(self, modelNode: vtkMRMLTextNode) -> None:
        """Add a model of the scene to those that the panel applies."""
        parameters = self.getParameterNode()
        if modelNode not in list(parameters.models):
            parameters.models = [*parameters.models, modelNode]

    @staticmethod
    def demonstrationSegmenter() -> Path:
        """Return the outline model that comes with the module; it was trained on phantoms."""
        return Path(__file__).parent / "Resources" / "SampleData" / "phantom_outline.mammosegmenter"

    def useSegmenter(self, path: str | Path) -> None:
        """Select an outline model, a .mammosegmenter file, in the panel."""
        self.getParameterNode().segmenterPath = str(path)

    def loadSample(self, outlined: bool = False) -> list[vtkMRMLScalarVolumeNode]:
        """Add the phantom, CC and MLO of a synthetic breast with a lesion, and select both views in the panel.

        :param outlined: with the lesion's true outlines.
        """
        from MammoRadiomicsGui import sample

        return sample.load(self, Path(__file__).parent / "Resources" / "SampleData", outlined)

    def newOutline(self, volumeNode: vtkMRMLScalarVolumeNode, view: str) -> tuple[vtkMRMLSegmentationNode, str]:
        """Add an empty segmentation with a segment Lesion, and return it and the segment's ID."""
        from MammoRadiomicsLib import mrml

        return mrml.empty_segmentation(slicer.mrmlScene, volumeNode, f"{volumeNode.GetName()} {view} outline")

    def predict(
        self,
        modelNode: vtkMRMLTextNode,
        views: dict[str, View],
        *,
        plausibleOutlines: int = 0,
        localPrevalence: dict[str, float] | None = None,
        clinicalValues: dict[str, float | str] | None = None,
        scanner: str | None = None,
    ) -> vtkMRMLTextNode:
        """Apply a model to one lesion and add the record of the result to the scene.

        :param views: {"CC": (volumeNode, segmentationNode, segmentId, spacingMm or None), "MLO": ...}
        :param plausibleOutlines: over how many outlines the range of the probabilities is taken.
        :param localPrevalence: share of classes among the patients, such as {"1": 0.2}.
        :param clinicalValues: such as {"age": 52, "density": "C"}; those entered in the panel by default.
        :param scanner: one of a harmonised model's, "" for another one, whose features are left as they are; the one
            that was chosen in the panel by default.
        """
        from MammoRadiomicsGui import clinical_values, records
        from MammoRadiomicsLib import mrml, prediction

        model = mrml.model_from_node(modelNode)
        entered = clinical_values.read([each[0] for each in views.values()])
        if clinicalValues is None:
            clinicalValues = clinical_values.forModel(model, entered)
        if scanner is None:
            scanner = clinical_values.scannerFor(model, entered)
        outlines = {view: self.outline(each) for view, each in views.items()}
        how = records.Inputs(modelNode, views, localPrevalence, clinicalValues, scanner).how()
        return self.addResult(modelNode, views, prediction.predict(model, outlines, plausibleOutlines, **how))

    def addResult(self, modelNode: vtkMRMLTextNode, views: dict[str, View], record: dict, resultNode=None):
        """Keep the record of a prediction in the scene, beside the images; in `resultNode` where it is given."""
        from MammoRadiomicsGui import records

        return records.keep(modelNode, views, record, resultNode)

    def outline(self, view: View):
        """Return the image and the ROI of an outlined view, as the library takes them."""
        from MammoRadiomicsGui import image_facts
        from MammoRadiomicsLib import mrml, parts

        volume, segmentation, segmentId, spacingMm = view
        roi = mrml.mask_from_segment(segmentation, segmentId, volume)
        image = parts.mammogram(mrml.image_of_volume(volume), **image_facts.reading(volume, spacingMm))
        roi.CopyInformation(image)
        return image, roi

    def saveCsv(self, resultNodes: list[vtkMRMLTextNode], path: str | Path) -> None:
        """Save predictions and the features that they used as a table, a row each."""
        from MammoRadiomicsGui import records

        records.saveCsv(resultNodes, Path(path))

    def saveReport(self, resultNodes: list[vtkMRMLTextNode], views: dict[str, View], path: str | Path) -> None:
        """Save one page (HTML) with the images, their outlines and the predictions."""
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.reports import patient_report

        found = [mrml.result_from_node(node) for node in resultNodes]
        patient_report.write(Path(path), found, {view: self.outline(each) for view, each in views.items()})

    @staticmethod
    def slots(parameterNode) -> dict[str, View]:
        """Return what is selected for each view, also where something is missing."""
        names = ("Volume", "Segmentation", "SegmentId", "SpacingMm")
        chosen = {view: [getattr(parameterNode, view.lower() + name) for name in names] for view in VIEWS}
        return {view: (volume, outline, segment, mm or None) for view, (volume, outline, segment, mm) in chosen.items()}

    def selectedViews(self, parameterNode) -> dict[str, View]:
        """Return the views that have an image, as :meth:`predict` takes them."""
        return {view: slot for view, slot in self.slots(parameterNode).items() if slot[0] is not None}

    @staticmethod
    def models(parameterNode) -> dict[vtkMRMLTextNode, object]:
        """Return the models to apply by their nodes, those that are damaged left out."""
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        found = {}
        for node in parameterNode.models:
            with contextlib.suppress(MammoRadiomicsError):
                found[node] = mrml.model_from_node(node)
        return found

    def missingClinicalValues(self, parameterNode) -> str:
        """Say what models need and nobody has entered, by name and unit, also the scanner; empty when nothing."""
        from MammoRadiomicsGui import clinical_values

        values = clinical_values.read([slot[0] for slot in self.selectedViews(parameterNode).values()])
        models = self.models(parameterNode)
        lists = (clinical_values.missing(model, values) for model in models.values())
        names = ", ".join(dict.fromkeys(name for names in lists for name in names))
        title = clinical_values.title(clinical_values.asked(models))
        return _("Enter under {title}: {names}.").format(title=title, names=names) if names else ""

    def featuresPreset(self, parameterNode):
        """Return the preset whose features are wanted: the one chosen, or that of the first model."""
        from MammoRadiomicsLib import presets

        models = list(self.models(parameterNode).values())
        if parameterNode.featuresPreset != "model":
            return presets.load(parameterNode.featuresPreset)
        return models[0].preset if models else presets.load("study-1409")

    @staticmethod
    def ensureDependenciesToPredict(modelNodes: list[vtkMRMLTextNode]) -> None:
        """Offer to install what the models need."""
        from MammoRadiomicsGui import dependencies
        from MammoRadiomicsLib import mrml

        needed = dependencies.neededToPredict([mrml.model_from_node(node) for node in modelNodes])
        ensureDependencies("MammoRadiomics", packages=needed)

    @staticmethod
    def ensureDependenciesForPreset(preset) -> None:
        """Offer to install what all features of a preset need."""
        from MammoRadiomicsGui import dependencies
        from MammoRadiomicsLib import presets

        ensureDependencies("MammoRadiomics", packages=dependencies.neededForPreset(presets.load(preset)))

    def imageFacts(self, volumeNode: vtkMRMLScalarVolumeNode):
        """Return what is known of a volume: view, laterality, pixel spacing, polarity, and where each was read."""
        from MammoRadiomicsGui import image_facts

        return image_facts.read(volumeNode)

    def obstacle(self, views: dict[str, View]) -> str:
        """Return what the user must do before features can be extracted; empty when nothing."""
        from MammoRadiomicsGui import image_facts

        if not views:
            return _("Select the CC or the MLO image.")
        for view, (volume, segmentation, segmentId, spacing) in views.items():
            if segmentation is None or segmentation.GetSegmentation().GetSegment(segmentId) is None:
                return _("Select the outline of the lesion on the {view} image.").format(view=view)
            if not (spacing or self.imageFacts(volume).spacingMm):
                return _("Enter the pixel spacing of the {view} image: it states none.").format(view=view)
        if len({image_facts.patientOf(slot[0]) for slot in views.values()} - {0}) > 1:
            return _("The images are of different patients. Select two of the same.")
        breasts = {view: self.imageFacts(slot[0]).laterality for view, slot in views.items()}
        if {"L", "R"} <= set(breasts.values()):
            return _("The images are of different breasts. Select two of the same, or correct what was read.")
        return ""

    @staticmethod
    def sizeText(volume, segmentation, segmentId: str, spacingMm: float | None) -> str:
        """Return how large an outline is: pixels, and mm where the pixel spacing is known."""
        from MammoRadiomicsGui import image_facts

        return image_facts.sizeText(volume, segmentation, segmentId, spacingMm)


class MammoRadiomicsTest(ScriptedLoadableModuleTest):
    """The flow of the module on its sample; runs in Slicer and outside it."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_sample_to_report()

    def test_sample_to_report(self):
        """The sample gives a prediction with its caveats, which follows the outline, and all features."""
        from MammoRadiomicsLib import mrml

        self.delayDisplay("Loading the sample")
        logic = MammoRadiomicsLogic()
        logic.loadSample(outlined=True)
        parameters = logic.getParameterNode()
        views = logic.selectedViews(parameters)
        self.assertEqual(logic.obstacle(views), "")

        self.delayDisplay("Predicting")
        model = parameters.models[0]
        result = logic.predict(model, views, plausibleOutlines=2)
        record = mrml.result_from_node(result)
        self.assertAlmostEqual(sum(record["probabilities"].values()), 1)
        self.assertIn("Demonstration model", " ".join(record["warnings"]))

        self.delayDisplay("Editing the outline")
        volume, segmentation, segmentId, _spacing = views["CC"]
        pixels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume)
        pixels[:, 300:340, 150:230] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(pixels, segmentation, segmentId, volume)
        edited = mrml.result_from_node(logic.predict(model, views))
        self.assertNotEqual(edited["probabilities"], record["probabilities"])

        self.delayDisplay("Saving")
        result = logic.predict(model, views)
        with tempfile.TemporaryDirectory() as folder:
            logic.saveCsv([result], Path(folder) / "predictions.csv")
            logic.saveReport([result], views, Path(folder) / "report.html")
            self.assertGreater((Path(folder) / "report.html").stat().st_size, 10000)
        table = logic.featuresTable({"CC": views["CC"]})
        self.assertEqual(table.GetNumberOfRows(), 1409)
        self.delayDisplay("Test passed")
