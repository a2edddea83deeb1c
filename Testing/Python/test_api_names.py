"""Every Qt, CTK, qMRML and slicer name in the module files, the .ui files and the stand-in is one that Slicer has."""

from __future__ import annotations

import json

import pytest
from MammoRadiomicsHost import api
from MammoRadiomicsHost.api import GUI_FILES, MODULE_FILES, PANEL_FILES, ROOT

SURFACE = ROOT.parent / "shared" / "slicer" / "api.json"


@pytest.fixture(scope="module")
def slicer_names():
    return api.load()


@pytest.mark.parametrize("name", MODULE_FILES)
def test_a_panel_uses_only_names_of_slicer(name, slicer_names):
    assert api.check_ui(PANEL_FILES[name], slicer_names) == []


@pytest.mark.parametrize("name", MODULE_FILES)
def test_a_module_file_uses_only_names_of_slicer(name, slicer_names):
    assert api.check_source(MODULE_FILES[name], PANEL_FILES[name], slicer_names) == []


@pytest.mark.parametrize("path", GUI_FILES, ids=lambda path: path.stem)
def test_a_shared_file_uses_only_names_of_slicer(path, slicer_names):
    assert api.check_source(path, api.panel_of(path), slicer_names) == []


SECTIONS = ROOT / "MammoRadiomics" / "MammoRadiomicsGui"


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        (
            SECTIONS / "result_section.py",
            'predictButton.connect("clicked(bool)"',
            'predictButton.connect("clicked(boolean)"',
        ),
        (SECTIONS / "lesion_section.py", '"currentSegmentChanged(QString)"', '"currentSegmentsChanged(QString)"'),
        (SECTIONS / "result_section.py", "_ui.statusLabel.text", "_ui.statusLabel.caption"),
        (SECTIONS / "result_section.py", "_ui.statusLabel.text", "_ui.noSuchLabel.text"),
        (SECTIONS / "child.py", '"finished(int,QProcess::ExitStatus)"', '"finished(int,ExitStatus)"'),
        (MODULE_FILES["MammoRadiomics"], "slicer.util.loadUI", "slicer.util.loadUi"),
        (MODULE_FILES["MammoRadiomics"], "vtkMRMLTableNode, vtkMRMLTextNode", "vtkMRMLTableNode, vtkMRMLTextsNode"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.stem,
)
def test_a_planted_wrong_name_in_a_source_is_found(path, right, wrong, slicer_names, tmp_path):
    source = path.read_text(encoding="utf-8")
    assert right in source
    planted = tmp_path / path.name
    planted.write_text(source.replace(right, wrong), encoding="utf-8")
    assert api.check_source(planted, PANEL_FILES["MammoRadiomics"], slicer_names)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("mrmlSceneChanged(vtkMRMLScene*)</signal>", "mrmlSceneChange(vtkMRMLScene*)</signal>"),
        ("setMRMLScene(vtkMRMLScene*)", "setScene(vtkMRMLScene*)"),
        ('<property name="specialValueText">', '<property name="specialText">'),
        ('class="QLineEdit"', 'class="QLineEdits"'),
        ("ctkPathLineEdit::Readable", "ctkPathLineEdit::ReadOnlyFiles"),
    ],
)
def test_a_planted_wrong_name_in_a_panel_is_found(right, wrong, slicer_names, tmp_path):
    text = PANEL_FILES["MammoRadiomics"].read_text(encoding="utf-8")
    assert right in text
    planted = tmp_path / "MammoRadiomics.ui"
    planted.write_text(text.replace(right, wrong), encoding="utf-8")
    assert api.check_ui(planted, slicer_names)


def test_the_extract_holds_what_is_used_and_no_more(slicer_names):
    import make_api_extract

    used = make_api_extract.used()
    carried = json.loads((ROOT / "Testing" / "Host" / "api_extract.json").read_text(encoding="utf-8"))
    assert set(carried["classes"]) == used.pop("classes")
    assert {where: set(names) for where, names in carried["python"].items()} == used


@pytest.mark.skipif(not SURFACE.is_file(), reason="the full surface is kept outside the project")
def test_the_extract_agrees_with_the_full_surface():
    import make_api_extract

    surface = json.loads(SURFACE.read_text(encoding="utf-8"))
    carried = (ROOT / "Testing" / "Host" / "api_extract.json").read_text(encoding="utf-8")
    assert carried == make_api_extract.as_text(make_api_extract.extract(surface))


def test_the_stand_in_offers_only_names_of_slicer(host, slicer_names):
    offered = {
        "qt (names)": set(host.QT),
        "slicer.app": _public(host.Application),
        "slicer.modules (a module)": _public(host.ScriptedModule) | _public(host.CoreModule),
        **{
            f"slicer.{name}": {each.__name__ for each in members}
            for name, members in host.SUBMODULES.items()
            if members
        },
    }
    for where, names in offered.items():
        assert names <= set(slicer_names.python[where]), where


def test_the_stand_ins_widgets_have_only_names_of_slicer(host, slicer_names):
    from MammoRadiomicsHost import segment_editor, widgets

    # Qt calls these virtual methods of its own.
    virtual = {"minimumSizeHint", "mousePressEvent", "paintEvent", "resizeEvent", "showEvent", "sizeHint"}
    for widget in (*widgets.WIDGETS, segment_editor.qMRMLSegmentEditorWidget):
        own = {
            name
            for each in widget.__mro__
            if each.__module__.startswith("MammoRadiomicsHost")
            for name in _public(each)
        }
        offered = {name for name in own - virtual if not slicer_names.has(widget.__name__, name)}
        assert offered == set(), widget.__name__


def _public(cls: type) -> set[str]:
    names = set(vars(cls)) | set(vars(cls).get("__slots__", ()))
    return {name for name in names if not name.startswith("_") and name != "staticMetaObject"}
