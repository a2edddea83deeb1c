"""One patient: outlined mammograms and a trained model in, a probability with its caveats out."""

from __future__ import annotations

import html
import importlib.util
from pathlib import Path
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode, vtkMRMLTextNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

VIEWS = ("CC", "MLO")

# Volume, segmentation, segment ID, pixel spacing in mm (None: as in the volume).
View = tuple[vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, str, float | None]


class MammoRadiomics(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MammoRadiomics")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Informatics")]
        self.parent.dependencies = ["Segmentations", "Volumes"]
        self.parent.contributors = ["MammoRadiomics contributors"]
        self.parent.helpText = _(
            "Radiomics of one patient's mammograms: select the CC and the MLO image, outline the lesion on each in the "
            "Segment Editor, load a trained model and predict. For research; not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The method follows Frontiers in Oncology 2025, doi 10.3389/fonc.2025.1578458. Features are pyradiomics'."
        )


def ensureDependencies(requester: str, pyradiomics: bool = True) -> None:
    """Offer to install what is missing; DependencyError where only the user can help."""
    import slicer.packaging
    from MammoRadiomicsLib import __file__ as libraryFile
    from MammoRadiomicsLib.errors import DependencyError

    requirements = slicer.packaging.load_requirements(Path(libraryFile).parent / "requirements.txt")
    slicer.packaging.pip_ensure(requirements, requester=requester)
    if pyradiomics and importlib.util.find_spec("radiomics") is None:
        raise DependencyError(
            _(
                "pyradiomics is missing. Install the SlicerRadiomics extension with the Extensions Manager and restart "
                "Slicer. There is no SlicerRadiomics for macOS; extract features on Linux or Windows."
            )
        )


@parameterNodeWrapper
class MammoRadiomicsParameterNode:
    """What the panel shows, kept in the scene. A spacing of 0 means: as in the image."""

    ccVolume: vtkMRMLScalarVolumeNode
    ccSpacingMm: Annotated[float, WithinRange(0, 1)] = 0.0
    ccSegmentation: vtkMRMLSegmentationNode
    ccSegmentId: str
    mloVolume: vtkMRMLScalarVolumeNode
    mloSpacingMm: Annotated[float, WithinRange(0, 1)] = 0.0
    mloSegmentation: vtkMRMLSegmentationNode
    mloSegmentId: str
    model: vtkMRMLTextNode
    result: vtkMRMLTextNode


class MammoRadiomicsWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._showingOutlines = False
        self._volumeIds = {}
        self._inputs = None
        self._shown = None

    def setup(self) -> None:
        """Load the panel and connect it."""
        from MammoRadiomicsLib import mrml

        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/MammoRadiomics.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = MammoRadiomicsLogic()
        self.ui.modelSelector.addAttribute("vtkMRMLTextNode", mrml.MODEL_ATTRIBUTE)
        self._outlineSelectors = {"CC": self.ui.ccSegmentSelector, "MLO": self.ui.mloSegmentSelector}
        self._spacingBoxes = {"CC": self.ui.ccSpacingSpinBox, "MLO": self.ui.mloSpacingSpinBox}

        for event in (slicer.mrmlScene.StartCloseEvent, slicer.mrmlScene.StartImportEvent):
            self.addObserver(slicer.mrmlScene, event, self.onSceneStartChange)
        # It ends closing and loading alike, and the node selectors list the nodes of a loaded scene no earlier.
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndBatchProcessEvent, self.onSceneEndChange)
        for selector in self._outlineSelectors.values():
            selector.connect("currentNodeChanged(vtkMRMLNode*)", self.onOutlineSelected)
            selector.connect("currentSegmentChanged(QString)", self.onOutlineSelected)
        self.ui.loadModelButton.connect("clicked(bool)", self.onLoadModel)
        self.ui.predictButton.connect("clicked(bool)", self.onPredict)
        self.ui.featuresButton.connect("clicked(bool)", self.onFeatures)
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
        self._shown = None
        if self._parameterNode:
            self._volumeIds = self._currentVolumeIds()
            self._inputs = self._currentInputs()
            # Before the widgets are bound, because a bound selector writes back what it shows.
            self._showOutlines()
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
            self.onParametersModified()

    def onParametersModified(self, caller=None, event=None) -> None:
        """Bring everything into line with the parameter node."""
        self._forgetSpacingOfOtherVolumes()
        self._forgetResultOfOtherInputs()
        self._showOutlines()
        self._showSpacings()
        self._showModelAndResult()
        views = self.logic.selectedViews(self._parameterNode)
        obstacle = self.logic.obstacle(views)
        self.ui.featuresButton.enabled = not obstacle
        if not obstacle and self._parameterNode.model is None:
            obstacle = _("Load or select a model.")
        self.ui.predictButton.enabled = not obstacle
        self.ui.predictButton.toolTip = obstacle or _("Extract the features that the model needs and apply it.")
        self.ui.statusLabel.text = obstacle or _("Ready: {views}.").format(views=", ".join(views))

    def _showModelAndResult(self) -> None:
        """Show card and result, only when they are others: reading a model verifies it."""
        wanted = (self._parameterNode.model, self._parameterNode.result)
        if self._shown != wanted:
            self._shown = wanted
            self.ui.cardBrowser.plainText = self.logic.cardText(wanted[0])
            self.ui.resultBrowser.html = self.logic.resultHtml(wanted[1])

    def _currentVolumeIds(self) -> dict[str, str]:
        volumes = {view: getattr(self._parameterNode, f"{view.lower()}Volume") for view in VIEWS}
        return {view: volume.GetID() if volume else "" for view, volume in volumes.items()}

    def _forgetSpacingOfOtherVolumes(self) -> None:
        """Drop an entered spacing when another volume is selected: it belonged to the former."""
        before, self._volumeIds = self._volumeIds, self._currentVolumeIds()
        for view in VIEWS:
            if before[view] != self._volumeIds[view]:
                setattr(self._parameterNode, f"{view.lower()}SpacingMm", 0.0)

    def _currentInputs(self) -> tuple:
        views = self.logic.selectedViews(self._parameterNode)
        model = self._parameterNode.model
        outlines = [
            (view, volume.GetID(), segmentation.GetID() if segmentation else "", segmentId, spacing)
            for view, (volume, segmentation, segmentId, spacing) in views.items()
        ]
        return (*outlines, model.GetID() if model else "")

    def _forgetResultOfOtherInputs(self) -> None:
        """Stop showing a result when an image, an outline or the model is exchanged; its record stays in the scene."""
        before, self._inputs = self._inputs, self._currentInputs()
        if before != self._inputs:
            self._parameterNode.result = None

    def _showSpacings(self) -> None:
        for view, box in self._spacingBoxes.items():
            volume = getattr(self._parameterNode, f"{view.lower()}Volume")
            spacing = self.logic.spacingOfVolume(volume) if volume else None
            stated = (
                _("as in the image ({spacing:.4f} mm)").format(spacing=spacing) if spacing else _("as in the image")
            )
            box.specialValueText = _("not stated: enter it") if volume and spacing is None else stated

    def _showOutlines(self) -> None:
        self._showingOutlines = True
        try:
            for view, selector in self._outlineSelectors.items():
                selector.setCurrentNode(getattr(self._parameterNode, f"{view.lower()}Segmentation"))
                selector.setCurrentSegmentID(getattr(self._parameterNode, f"{view.lower()}SegmentId"))
        finally:
            self._showingOutlines = False

    def onOutlineSelected(self) -> None:
        """Store the selected segments; a newly selected segmentation starts with its first segment."""
        if self._parameterNode is None or self._showingOutlines:
            return
        with slicer.util.NodeModify(self._parameterNode):
            for view, selector in self._outlineSelectors.items():
                segmentation, segmentId = selector.currentNode(), selector.currentSegmentID()
                ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation else ()
                isNew = segmentation is not getattr(self._parameterNode, f"{view.lower()}Segmentation")
                if ids and (isNew or segmentId not in ids):
                    segmentId = segmentId if segmentId in ids else ids[0]
                setattr(self._parameterNode, f"{view.lower()}Segmentation", segmentation)
                setattr(self._parameterNode, f"{view.lower()}SegmentId", segmentId if segmentId in ids else "")

    def onLoadModel(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The model could not be loaded."), waitCursor=True):
            self._parameterNode.model = self.logic.loadModel(self.ui.modelPathLineEdit.currentPath)
            self.ui.modelPathLineEdit.addCurrentPathToHistory()

    def onPredict(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The prediction is not possible.")):
            ensureDependencies("MammoRadiomics")
        with slicer.util.tryWithErrorDisplay(_("The prediction failed."), waitCursor=True):
            views = self.logic.selectedViews(self._parameterNode)
            self._parameterNode.result = self.logic.predict(self._parameterNode.model, views)

    def onFeatures(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The features cannot be extracted.")):
            ensureDependencies("MammoRadiomics")
        with slicer.util.tryWithErrorDisplay(_("The extraction failed."), waitCursor=True):
            table = self.logic.featuresTable(self.logic.selectedViews(self._parameterNode))
            message = _("{count} features are in the table {name}.")
            counted = message.format(count=table.GetNumberOfRows(), name=table.GetName())
            self.ui.statusLabel.text = f"{counted} {table.GetDescription()}".strip()


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
        from MammoRadiomicsLib import mrml, prediction, presets

        preset = presets.load(preset)
        extracted = {view: prediction.extract_noting(*self.outline(each), preset) for view, each in views.items()}
        features = {view: values for view, (values, _notes) in extracted.items()}
        tableNode = mrml.features_to_table(slicer.mrmlScene, features, "Features")
        notes = [f"{view}: {note}" for view, (_values, notes) in extracted.items() for note in notes]
        tableNode.SetDescription(" ".join(notes))
        return tableNode

    def loadModel(self, path: str | Path) -> vtkMRMLTextNode:
        """Add a .mammomodel file to the scene as a text node."""
        from MammoRadiomicsLib import model_file, mrml

        return mrml.model_to_node(slicer.mrmlScene, model_file.load(path))

    def predict(self, modelNode: vtkMRMLTextNode, views: dict[str, View]) -> vtkMRMLTextNode:
        """Apply a model to one lesion and add the record of the result to the scene.

        :param views: {"CC": (volumeNode, segmentationNode, segmentId, spacingMm or None), "MLO": ...}
        """
        from MammoRadiomicsLib import mrml, prediction

        model = mrml.model_from_node(modelNode)
        record = prediction.predict(model, {view: self.outline(each) for view, each in views.items()})
        return mrml.result_to_node(slicer.mrmlScene, record, f"{model.outcome} result")

    def outline(self, view: View):
        """Return the image and the ROI of an outlined view, as the library takes them."""
        from MammoRadiomicsLib import mrml

        volume, segmentation, segmentId, spacingMm = view
        roi = mrml.mask_from_segment(segmentation, segmentId, volume)
        image = mrml.image_from_volume(volume, spacingMm)
        roi.CopyInformation(image)
        return image, roi

    @staticmethod
    def selectedViews(parameterNode) -> dict[str, View]:
        """Return the views that have an image, as :meth:`predict` takes them."""
        views = {}
        for view in VIEWS:
            names = ("Volume", "Segmentation", "SegmentId", "SpacingMm")
            volume, segmentation, segmentId, spacing = (getattr(parameterNode, view.lower() + name) for name in names)
            if volume is not None:
                views[view] = (volume, segmentation, segmentId, spacing or None)
        return views

    @staticmethod
    def spacingOfVolume(volumeNode: vtkMRMLScalarVolumeNode) -> float | None:
        """Return the size of a pixel in mm; None for 1 mm x 1 mm, which software writes when it does not know."""
        spacing = volumeNode.GetSpacing()[:2]
        return None if spacing == (1.0, 1.0) else spacing[0]

    def obstacle(self, views: dict[str, View]) -> str:
        """Return what the user must do before features can be extracted; empty when nothing."""
        if not views:
            return _("Select the CC or the MLO image.")
        for view, (volume, segmentation, segmentId, spacing) in views.items():
            if segmentation is None or not segmentId:
                return _("Select the outline of the lesion on the {view} image.").format(view=view)
            if not (spacing or self.spacingOfVolume(volume)):
                return _("Enter the pixel spacing of the {view} image: it states none.").format(view=view)
        return ""

    @staticmethod
    def cardText(modelNode: vtkMRMLTextNode | None) -> str:
        """Return the card of a model, or why there is none."""
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        try:
            return mrml.model_from_node(modelNode).card if modelNode else ""
        except MammoRadiomicsError as error:
            return str(error)

    @staticmethod
    def resultHtml(resultNode: vtkMRMLTextNode | None) -> str:
        """Return a result in plain words, warnings in bold."""
        from MammoRadiomicsLib import mrml, prediction

        if resultNode is None:
            return ""
        first, *others = html.escape(prediction.as_text(mrml.result_from_node(resultNode)), quote=False).splitlines()
        lines = [f"<b>{line}</b>" if line.startswith("Warning") else line for line in others]
        return (
            f'<p style="font-size: large"><b>{first}</b></p><p style="white-space: pre-wrap">{"<br>".join(lines)}</p>'
        )


class MammoRadiomicsTest(ScriptedLoadableModuleTest):
    """The flow of the module on a phantom; runs in Slicer and outside it."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_outlined_phantom_to_features()

    def test_outlined_phantom_to_features(self):
        """A phantom in the scene gives the features of its pixels, by name and as a table."""
        from MammoRadiomicsLib import mrml, phantoms

        self.delayDisplay("Adding a phantom")
        image, mask = phantoms.mammogram(1, size=(160, 160), diameter_mm=2.5)
        # On a film's 16-bit scale the study's bin width gives more grey levels than texture can use.
        volume = mrml.volume_from_image(slicer.mrmlScene, image / 16, "Phantom CC")
        segmentation, segmentId = mrml.segmentation_from_mask(slicer.mrmlScene, mask, volume, "Outline CC")
        pixels = slicer.util.arrayFromVolume(volume)
        inside = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume) > 0

        logic = MammoRadiomicsLogic()
        names = ["original_firstorder_Mean", "original_firstorder_Maximum"]
        found = logic.extractFeatures(volume, segmentation, segmentId, names=names)
        self.assertEqual(list(found), names)
        self.assertAlmostEqual(found["original_firstorder_Mean"], float(pixels[inside].mean()), places=6)
        self.assertEqual(found["original_firstorder_Maximum"], float(pixels[inside].max()))

        table = logic.featuresTable({"CC": (volume, segmentation, segmentId, None)})
        self.assertEqual(table.GetNumberOfRows(), 1409)
        self.delayDisplay("Test passed")
