"""Both modules load as the application loads them, their panels work, and nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
import unittest

import pytest
from MammoRadiomicsHost.api import MODULE_FILES


@pytest.mark.parametrize("name", MODULE_FILES)
def test_a_module_describes_itself(name, module_files):
    import slicer

    parent = getattr(slicer.modules, name.lower())
    assert parent.title.startswith("MammoRadiomics")
    assert "not a medical device" in parent.helpText
    assert not parent.icon.isNull()


def test_the_training_module_depends_on_the_other(module_files):
    import slicer

    assert "MammoRadiomics" in slicer.modules.mammoradiomicstraining.dependencies


@pytest.mark.parametrize("name", MODULE_FILES)
def test_the_modules_own_test_passes(name, module_files, host):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(getattr(module_files[name], f"{name}Test"))
    result = unittest.TestResult()
    suite.run(result)
    assert (result.testsRun, result.failures, result.errors, result.skipped) == (1, [], [], [])


@pytest.mark.parametrize("name", MODULE_FILES)
def test_importing_a_module_loads_no_heavy_package(name):
    program = (
        f"import sys; sys.path[:0] = {[p for p in sys.path if p]!r}\n"
        "from MammoRadiomicsHost import application; application.start()\n"
        "from MammoRadiomicsHost.api import MODULE_FILES\n"
        f"application.open_module(application.load_module(MODULE_FILES[{name!r}]))\n"
        "heavy = {'sklearn', 'imblearn', 'radiomics', 'matplotlib', 'skimage', 'pandas', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize("name", MODULE_FILES)
def test_a_closed_panel_leaves_no_observer(name, module_files, host):
    import slicer
    import vtk

    panel = host.open_module(module_files[name])
    node = panel.logic.getParameterNode().parameterNode
    host.close_module(panel)
    assert panel.Observations == []
    assert not node.HasObserver(vtk.vtkCommand.ModifiedEvent) or _is_silent(panel, node)
    slicer.mrmlScene.Clear()


def _is_silent(panel, node) -> bool:
    """Tell whether a change of the node leaves a closed panel alone."""
    node.Modified()
    return panel._parameterNode is None
