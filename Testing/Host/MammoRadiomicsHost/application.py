"""The parts of the application that the module files and slicer.util reach for, and the loading of modules."""

from __future__ import annotations

import atexit
import importlib.metadata
import importlib.util
import logging
import sys
import tempfile
import types
import typing
import unittest
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import slicer
from packaging.requirements import Requirement
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtUiTools import QUiLoader

from . import api, pythonqt, widgets
from .layout import LayoutManager
from .parameter_node import Choice, WithinRange, parameterNodeWrapper
from .segment_editor import qMRMLSegmentEditorWidget


class Application:
    """``slicer.app``: in testing mode, without a main window."""

    applicationName = "Slicer"

    def __init__(self):
        self._modules = ModuleManager()
        self._logic = slicer.vtkSlicerApplicationLogic()
        self._layout: LayoutManager | None = None
        self._at_startup: list[Callable] = []

    def connect(self, signature: str, callback: Callable) -> bool:
        if signature != "startupCompleted()":
            pythonqt.failures.append(f"connect: the application has no signal {signature} here")
            return False
        self._at_startup.append(callback)
        return True

    def startupCompleted(self) -> None:
        """Call what modules do when all of them have been loaded."""
        waiting, self._at_startup = self._at_startup, []
        for callback in waiting:
            callback()

    def layoutManager(self) -> LayoutManager:
        if self._layout is None:
            self._layout = LayoutManager()
        return self._layout

    def applicationLogic(self) -> slicer.vtkSlicerApplicationLogic:
        return self._logic

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        return slicer.mrmlScene

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def testingEnabled(self) -> bool:
        return True

    def topLevelWidgets(self) -> list:
        return pythonqt.wrap(QtWidgets.QApplication.topLevelWidgets())

    def setOverrideCursor(self, shape: QtCore.Qt.CursorShape) -> None:
        QtWidgets.QApplication.setOverrideCursor(QtGui.QCursor(shape))

    def restoreOverrideCursor(self) -> None:
        QtWidgets.QApplication.restoreOverrideCursor()

    def processEvents(self) -> None:
        QtWidgets.QApplication.processEvents()

    def translate(self, context: str, text: str) -> str:
        return text


class ModuleManager:
    """Knows the loaded modules; its one signal says that a module goes."""

    def __init__(self):
        self._callbacks: list[Callable] = []

    def connect(self, signature: str, callback: Callable) -> bool:
        if signature != "moduleAboutToBeUnloaded(QString)":
            pythonqt.failures.append(f"connect: the module manager has no signal {signature} here")
            return False
        self._callbacks.append(callback)
        return True

    def disconnect(self, signature: str, callback: Callable) -> None:
        self._callbacks.remove(callback)

    def unload(self, name: str) -> None:
        for callback in list(self._callbacks):
            callback(name)


class Settings:
    """``qt.QSettings``: the user's, in memory."""

    values: typing.ClassVar[dict[str, object]] = {}

    def contains(self, key: str) -> bool:
        return key in self.values

    def value(self, key: str, default: object = None) -> object:
        return self.values.get(key, default)

    def setValue(self, key: str, value: object) -> None:
        self.values[key] = value


class UiLoader:
    """``qt.QUiLoader``: reads a panel, refuses names that Slicer does not have, connects its widgets."""

    def load(self, file: QtCore.QFile) -> pythonqt.Wrapped:
        path = Path(file.fileName())
        complaints = api.check_ui(path, pythonqt.API)
        if complaints:
            raise RuntimeError("\n".join(complaints))
        loader = QUiLoader()
        for each in (*widgets.WIDGETS, qMRMLSegmentEditorWidget):
            loader.registerCustomWidget(each)
        panel = pythonqt.wrap(loader.load(_readable_outside_slicer(path)))
        file.close()
        for sender, signal, receiver, slot in api.ui_connections(path):
            source, target = (_named(panel._qt, name) for name in (sender, receiver))
            pythonqt.wrap(source).connect(signal, getattr(target, slot.partition("(")[0]))
        return panel


def _readable_outside_slicer(path: Path) -> QtCore.QBuffer:
    """Return a .ui file without what needs C++ classes: connections, and properties of CTK's own enumerations."""
    tree = ElementTree.parse(path)
    for parent in list(tree.iter()):
        for each in list(parent):
            if each.tag == "connections" or each.findtext("set", "").startswith("ctk"):
                parent.remove(each)
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(tree.getroot()))
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    return buffer


def _named(panel: QtWidgets.QWidget, name: str) -> QtWidgets.QWidget:
    return panel if panel.objectName() == name else panel.findChild(QtWidgets.QWidget, name)


class FileDialog:
    """``qt.QFileDialog``: asks nobody; the answer is set beforehand."""

    answer = ""

    @staticmethod
    def getSaveFileName(parent: object, caption: str, directory: str, filters: str) -> str:
        return FileDialog.answer


class CoreModule:
    """``slicer.modules.volumes`` and its like: a compiled module, of which only the logic is here."""

    def __init__(self, logic: slicer.vtkMRMLAbstractLogic):
        self._logic = logic

    def logic(self) -> slicer.vtkMRMLAbstractLogic:
        return self._logic


class ScriptedModule:
    """``slicer.modules.<name>`` of a scripted module, which fills in its metadata; no other attribute can be set."""

    __slots__ = (
        "acknowledgementText", "categories", "contributors", "dependencies", "helpText", "hidden", "icon", "name",
        "path", "title",
    )  # fmt: skip

    def __init__(self, path: Path):
        self.path, self.name, self.hidden = str(path), path.stem, False


class qSlicerScriptedLoadableModuleWidget(widgets.qMRMLWidget):
    """The widget that holds a module's panel."""

    isEntered = widgets.stored(bool, False)


class ScriptedLoadableModule:
    def __init__(self, parent: ScriptedModule):
        self.parent = parent
        self.moduleName = type(self).__name__
        icon = Path(parent.path).parent / "Resources" / "Icons" / f"{self.moduleName}.png"
        if icon.is_file():
            parent.icon = QtGui.QIcon(str(icon))

    def resourcePath(self, filename: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / filename)


class ScriptedLoadableModuleWidget:
    def __init__(self, parent: pythonqt.Wrapped):
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.parent = parent
        self.layout = parent.layout()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def _onModuleAboutToBeUnloaded(self, name: str) -> None:
        if name == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def setup(self) -> None:
        """Add nothing: the developer's section stays out."""

    def cleanup(self) -> None:
        """Do nothing; a module overrides it."""

    def resourcePath(self, filename: str) -> str:
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)


class ScriptedLoadableModuleLogic:
    def __init__(self, parent: object = None):
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
            node = slicer.mrmlScene.AddNode(node)
        node.SetAttribute("ModuleName", self.moduleName)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        slicer.util.delayDisplay(message, 0)


def load_requirements(path: str | Path) -> list[Requirement]:
    lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def pip_check(requirement: str | Requirement) -> bool:
    requirement = Requirement(str(requirement))
    try:
        return requirement.specifier.contains(importlib.metadata.version(requirement.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def pip_ensure(requirements: list[str | Requirement], *, requester: str | None = None) -> None:
    """Install nothing, as Slicer in testing mode; say what is missing."""
    missing = [str(each) for each in requirements if not pip_check(each)]
    if missing:
        logging.info("%s: not installed in testing mode: %s", requester, ", ".join(missing))


def translate(context: str, text: str) -> str:
    return slicer.app.translate(context, text)


def tr(text: str) -> str:
    return translate("", text)


class SampleDataLogic:
    """The register of the module Sample Data."""

    sources: typing.ClassVar[dict[str, Callable]] = {}

    @staticmethod
    def registerCustomSampleDataSource(category: str, sampleName: str, customDownloader: Callable) -> None:
        SampleDataLogic.sources[category, sampleName] = customDownloader


QT = {
    "Qt": QtCore.Qt,
    "QByteArray": QtCore.QByteArray,
    "QComboBox": pythonqt.WrappedClass(QtWidgets.QComboBox),
    "QDesktopServices": QtGui.QDesktopServices,
    "QDoubleSpinBox": pythonqt.WrappedClass(QtWidgets.QDoubleSpinBox),
    "QFile": QtCore.QFile,
    "QFileDialog": FileDialog,
    "QIcon": QtGui.QIcon,
    "QLabel": pythonqt.WrappedClass(QtWidgets.QLabel),
    "QMessageBox": QtWidgets.QMessageBox,
    "QProcess": pythonqt.WrappedClass(QtCore.QProcess),
    "QSettings": Settings,
    "QTableWidgetItem": QtWidgets.QTableWidgetItem,
    "QTimer": pythonqt.WrappedClass(QtCore.QTimer),
    "QUiLoader": UiLoader,
    "QUrl": QtCore.QUrl,
}
SUBMODULES = {
    "ScriptedLoadableModule": (
        ScriptedLoadableModule, ScriptedLoadableModuleWidget, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest,
    ),
    "parameterNodeWrapper": (parameterNodeWrapper, Choice, WithinRange),
    "packaging": (load_requirements, pip_check, pip_ensure),
    "i18n": (tr, translate),
    "modules": (),
}  # fmt: skip


def start() -> None:
    """Add to the real ``slicer`` package what only the application has; once per process."""
    QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
    sys.modules["qt"] = _module("qt", QT)
    sys.modules["SampleData"] = _module("SampleData", {"SampleDataLogic": SampleDataLogic})
    for name, members in SUBMODULES.items():
        module = _module(f"slicer.{name}", {each.__name__: each for each in members})
        sys.modules[module.__name__] = module
        setattr(slicer, name, module)
    slicer.app = Application()
    slicer.mrmlScene = slicer.vtkMRMLScene()
    slicer.mrmlScene.SetDataIOManager(_data_io_manager())
    # Brings the nodes that say what the mouse does and what is selected.
    slicer.app.applicationLogic().SetMRMLScene(slicer.mrmlScene)
    for name, logic in _logics().items():
        logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        slicer.app.applicationLogic().SetModuleLogic(name, logic)
        logic.SetMRMLScene(slicer.mrmlScene)
        setattr(slicer.modules, name.lower(), CoreModule(logic))


def _logics() -> dict[str, slicer.vtkMRMLAbstractLogic]:
    """Return the module logics without which nodes have no colours, storage or segments."""
    return {
        "Colors": slicer.vtkMRMLColorLogic(),
        "Volumes": slicer.vtkSlicerVolumesLogic(),
        "Segmentations": slicer.vtkSlicerSegmentationsModuleLogic(),
        "Tables": slicer.vtkSlicerTablesLogic(),
        "Texts": slicer.vtkSlicerTextsLogic(),
    }


def _data_io_manager() -> slicer.vtkDataIOManager:
    """Return what a scene needs to unpack an .mrb: a place for its files, removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="MammoRadiomicsHost")
    atexit.register(folder.cleanup)
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(folder.name)
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    return manager


def _module(name: str, members: dict[str, object]) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(members)
    return module


def load_module(path: Path) -> types.ModuleType:
    """Import a module file as the application does: its folder on sys.path, ``slicer.modules.<name>`` filled in."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    parent = ScriptedModule(path)
    setattr(slicer.modules, path.stem.lower(), parent)
    setattr(slicer.modules, f"{path.stem}Instance", getattr(module, path.stem)(parent))
    return module


def open_module(module: types.ModuleType) -> ScriptedLoadableModuleWidget:
    """Make a module's panel and enter it."""
    holder = qSlicerScriptedLoadableModuleWidget()
    QtWidgets.QVBoxLayout(holder)
    holder.setMRMLScene(slicer.mrmlScene)
    panel = getattr(module, f"{module.__name__}Widget")(pythonqt.wrap(holder))
    setattr(slicer.modules, f"{module.__name__}Widget", panel)
    panel.setup()
    enter(panel)
    return panel


def enter(panel: ScriptedLoadableModuleWidget) -> None:
    panel.parent._qt.isEntered = True
    panel.enter()


def leave(panel: ScriptedLoadableModuleWidget) -> None:
    panel.parent._qt.isEntered = False
    panel.exit()


def close_module(panel: ScriptedLoadableModuleWidget) -> None:
    """Leave the panel and destroy it, as when the application ends."""
    if panel.parent.isEntered:
        leave(panel)
    slicer.app.moduleManager().unload(panel.moduleName)
    panel.parent._qt.deleteLater()
    slicer.app.processEvents()
