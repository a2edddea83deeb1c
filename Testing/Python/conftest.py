"""Fixtures: the stand-in for the Slicer application, checked after every test that uses it."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import traceback

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_configure(config):
    # vtk 9.6 still sets an array's shape in place, which numpy 2.5 deprecates.
    message = "ignore:Setting the shape on a NumPy array:DeprecationWarning:vtk"
    config.addinivalue_line("filterwarnings", message)


@pytest.fixture(scope="session")
def started_host():
    from MammoRadiomicsHost import application

    application.start()
    return application


@pytest.fixture
def host(started_host, monkeypatch):
    """The stand-in with an empty scene; what Slicer would have passed over in silence fails the test."""
    import slicer
    from MammoRadiomicsHost import pythonqt

    def refuse(thread):
        pythonqt.failures.append(f"a Python thread was started: {thread}")
        raise RuntimeError("A Python thread starves in Slicer; use a child process.")

    def record(kind, error, trace):
        pythonqt.failures.append("in an observer: " + "".join(traceback.format_exception(kind, error, trace)))

    monkeypatch.setattr(threading.Thread, "start", refuse)
    # VTK prints what an observer raises, and goes on.
    monkeypatch.setattr(sys, "excepthook", record)
    slicer.mrmlScene.Clear()
    arrangement = slicer.app.layoutManager().layout
    yield started_host
    slicer.mrmlScene.Clear()
    slicer.app.layoutManager().setLayout(arrangement)
    failures, pythonqt.failures[:] = list(pythonqt.failures), []
    assert not failures, "\n".join(failures)


@pytest.fixture
def expected_failures(host):
    """Take the failures that a test provokes: a call returns them and clears the list."""
    from MammoRadiomicsHost import pythonqt

    def take() -> list[str]:
        taken, pythonqt.failures[:] = list(pythonqt.failures), []
        return taken

    return take


@pytest.fixture(scope="session")
def module_files(started_host):
    """Both module files, loaded as the application loads them."""
    from MammoRadiomicsHost.api import MODULE_FILES

    return {name: started_host.load_module(path) for name, path in MODULE_FILES.items()}


@pytest.fixture(scope="module")
def opened(module_files, started_host):
    """The panel, made once: its child processes take seconds to start."""
    panel = started_host.open_module(module_files["MammoRadiomics"])
    started_host.leave(panel)
    yield panel
    started_host.close_module(panel)


@pytest.fixture
def panel(opened, host):
    """The panel, entered, with an empty scene."""
    host.enter(opened)
    yield opened
    if opened.parent.isEntered:
        host.leave(opened)
    opened.result.reset()


@pytest.fixture
def training_panel(module_files, host):
    """The training panel, entered; its processes have ended before the next test."""
    from MammoRadiomicsGui import child
    from panel_steps import wait_until

    panel = host.open_module(module_files["MammoRadiomicsTraining"])
    yield panel
    host.close_module(panel)
    wait_until(lambda: not child._closing, 6)


@pytest.fixture
def outlined_phantom(module_files, host):
    """A phantom and its outline in the scene: volume, segmentation, segment ID."""
    import test_in_slicer

    return test_in_slicer.a_phantom("CC")


@pytest.fixture
def model_node(module_files, host):
    """A model in the scene."""
    import panel_steps
    import slicer
    from MammoRadiomicsLib import mrml

    return mrml.model_to_node(slicer.mrmlScene, panel_steps.slnm_model())


@pytest.fixture
def ready_panel(panel, outlined_phantom, model_node):
    """The panel with an outlined CC image and a ticked model, as a user selects them."""
    volume, segmentation, _ = outlined_phantom
    panel.ui.ccVolumeSelector.setCurrentNode(volume)
    panel.ui.ccSegmentSelector.setCurrentNode(segmentation)
    panel.ui.modelSelector.check(model_node)
    panel.ui.outlinesSpinBox.value = 2
    return panel


@pytest.fixture(scope="session")
def working_folder(tmp_path_factory):
    """A folder in which every command works; see :mod:`faults`."""
    import faults

    folder = tmp_path_factory.mktemp("works")
    faults.fill(folder)
    return folder


@pytest.fixture
def broken_folder(working_folder, tmp_path):
    """A copy of the folder in which every command works, to be broken."""
    return shutil.copytree(working_folder, tmp_path / "folder")


@pytest.fixture(autouse=True)
def _application_of_unittests(request):
    """Start the stand-in for the file that also runs inside Slicer: it is plain unittest and names no fixture."""
    if request.module.__name__.endswith("test_in_slicer"):
        request.getfixturevalue("module_files")
        request.getfixturevalue("host")
