"""A training in the scene: its charts as interactive plots, each a chart node, its series and their tables.

Points of a table node have fewer digits than the files of the report; the files are the record, the plots a view of it.
"""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from .curves import DASHED, KINDS, MARKED, POINTS, Chart, Curve
from .mrml import rows_to_table

SOURCE_ATTRIBUTE, KIND_ATTRIBUTE = "MammoRadiomics.Source", "MammoRadiomics.Chart"
# Above the numbers of Slicer's own layouts.
LAYOUT_ID, TABLE_LAYOUT_ID = 2736, 2737
LAYOUTS = (LAYOUT_ID, TABLE_LAYOUT_ID)
_TABLE_VIEW, _ODDS = "MammoRadiomicsTables", "odds"


def add_charts(scene, charts: list[Chart], tables: dict[str, list[dict]], source: str, name: str) -> dict[str, Any]:
    """Add charts and tables to the scene, in a folder of the subject hierarchy, in place of those of the same source.

    Parameters
    ----------
    scene : vtkMRMLScene
    charts : list of Chart
    tables : dict of str to list of dict
        Rows by the table's name.
    source : str
        What the charts show, such as the folder of a report; kept as an attribute of every node.
    name : str
        Of the folder.

    Returns
    -------
    dict of str to vtkMRMLPlotChartNode
        By the charts' keys.
    """
    _remove(scene, source)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
    hierarchy.SetItemAttribute(folder, SOURCE_ATTRIBUTE, source)
    for title, rows in tables.items():
        node = rows_to_table(scene, rows, f"{name}: {title}")
        node.SetName(f"{name}: {title}")
        node.SetAttribute(SOURCE_ATTRIBUTE, source)
        hierarchy.CreateItem(folder, node)
    nodes = {chart.key: _chart_node(scene, chart, source, name) for chart in charts}
    for node in nodes.values():
        hierarchy.CreateItem(folder, node)
    return nodes


def charts_of(scene, source: str) -> dict[str, Any]:
    """Return the charts that show a source, by their keys."""
    return {node.GetAttribute(KIND_ATTRIBUTE): node for node in _nodes(scene, "vtkMRMLPlotChartNode", source)}


def show(layout_node, charts: dict[str, Any]) -> None:
    """Show charts in a grid of plot views, one for each kind, and nothing else.

    Parameters
    ----------
    layout_node : vtkMRMLLayoutNode
        A live layout logic must observe it.
    charts : dict of str to vtkMRMLPlotChartNode
    """
    if not layout_node.IsLayoutDescription(LAYOUT_ID):
        layout_node.AddLayoutDescription(LAYOUT_ID, _layout())
    layout_node.SetViewArrangement(LAYOUT_ID)
    scene = layout_node.GetScene()
    for key in charts.keys() & set(KINDS):
        # Further charts of a kind are chosen in the plot view's own list.
        chart = charts[key]
        view = scene.GetSingletonNode(_view_tag(key), "vtkMRMLPlotViewNode")
        # Each view has a chart of its own; Slicer otherwise shows the chart selected last in all of them.
        view.SetDoPropagatePlotChartSelection(False)
        view.SetPlotChartNodeID(chart.GetID())


def tables_of(scene, source: str) -> list:
    """Return the tables of a source that a person reads, in the order in which they were added."""
    return [node for node in _nodes(scene, "vtkMRMLTableNode", source) if not node.GetHideFromEditors()]


def show_beside(layout_node, table, charts: dict[str, Any]) -> None:
    """Show a table and the first chart beside it; others are chosen in the views' own lists.

    Parameters
    ----------
    layout_node : vtkMRMLLayoutNode
        A live layout logic must observe it.
    table : vtkMRMLTableNode
    charts : dict of str to vtkMRMLPlotChartNode
        May be empty.
    """
    if not layout_node.IsLayoutDescription(TABLE_LAYOUT_ID):
        layout_node.AddLayoutDescription(TABLE_LAYOUT_ID, _table_layout())
    layout_node.SetViewArrangement(TABLE_LAYOUT_ID)
    scene = layout_node.GetScene()
    view = scene.GetSingletonNode(_TABLE_VIEW, "vtkMRMLTableViewNode")
    view.SetDoPropagateTableSelection(False)
    view.SetTableNodeID(table.GetID())
    plots = scene.GetSingletonNode(_view_tag(_ODDS), "vtkMRMLPlotViewNode")
    plots.SetDoPropagatePlotChartSelection(False)
    plots.SetPlotChartNodeID(next((chart.GetID() for chart in charts.values()), None))


def _nodes(scene, kind: str, source: str) -> list:
    nodes = [scene.GetNthNodeByClass(i, kind) for i in range(scene.GetNumberOfNodesByClass(kind))]
    return [node for node in nodes if node.GetAttribute(SOURCE_ATTRIBUTE) == source]


def _remove(scene, source: str) -> None:
    for kind in ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode"):
        for node in _nodes(scene, kind, source):
            scene.RemoveNode(node)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items)
    for item in [items.GetId(i) for i in range(items.GetNumberOfIds())]:
        if hierarchy.GetItemAttribute(item, SOURCE_ATTRIBUTE) == source:
            hierarchy.RemoveItem(item)


def _node(scene, kind: str, name: str, source: str):
    node = scene.AddNewNodeByClass(kind, name)
    node.SetAttribute(SOURCE_ATTRIBUTE, source)
    return node


def _chart_node(scene, chart: Chart, source: str, name: str):
    node = _node(scene, "vtkMRMLPlotChartNode", f"{name}: {chart.title}", source)
    node.SetAttribute(KIND_ATTRIBUTE, chart.key)
    node.SetTitle(chart.title)
    node.SetXAxisTitle(chart.x_title)
    node.SetYAxisTitle(chart.y_title)
    node.SetXAxisLogScale(chart.x_log)
    node.SetLegendVisibility(chart.legend)
    for limits, set_automatic, set_range in (
        (chart.x_range, node.SetXAxisRangeAuto, node.SetXAxisRange),
        (chart.y_range, node.SetYAxisRangeAuto, node.SetYAxisRange),
    ):
        set_automatic(limits is None)
        if limits is not None:
            set_range(*limits)
    tables: dict[bytes, Any] = {}
    for curve in chart.curves:
        node.AddAndObservePlotSeriesNodeID(_series_node(scene, chart, curve, source, tables).GetID())
    return node


def _series_node(scene, chart: Chart, curve: Curve, source: str, tables: dict[bytes, Any]):
    """Add a series; curves over the same x share a table, so that a LASSO path is one table and not forty."""
    key = curve.x.tobytes()
    if key not in tables:
        tables[key] = _node(scene, "vtkMRMLTableNode", f"{chart.title} points", source)
        # A table of points is the chart's own; the list of tables stays short.
        tables[key].SetHideFromEditors(True)
        _add_column(tables[key], chart.x_title, curve.x)
    # Names may repeat what the x axis is called; a column may not.
    column = f"{chart.y_title}: {curve.name}"
    _add_column(tables[key], column, curve.y)
    node = _node(scene, "vtkMRMLPlotSeriesNode", curve.name, source)
    node.SetHideFromEditors(True)
    node.SetAndObserveTableNodeID(tables[key].GetID())
    node.SetXColumnName(chart.x_title)
    node.SetYColumnName(column)
    node.SetPlotType(node.PlotTypeScatter)
    node.SetColor(*curve.colour)
    node.SetLineWidth(1.0 if curve.style == DASHED else 2.0)
    line = {DASHED: node.LineStyleDash, POINTS: node.LineStyleNone}.get(curve.style, node.LineStyleSolid)
    node.SetLineStyle(line)
    node.SetMarkerStyle(node.MarkerStyleCircle if curve.style in (POINTS, MARKED) else node.MarkerStyleNone)
    return node


def _add_column(table, name: str, values) -> None:
    column = vtk.vtkDoubleArray()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    table.AddColumn(column)


def _view_tag(key: str) -> str:
    return f"MammoRadiomics-{key}"


def _layout() -> str:
    """Return a description of a plot view for each kind of chart, two in a row."""
    lines = ['<layout type="vertical">']
    for i in range(0, len(KINDS), 2):
        lines.append('<item><layout type="horizontal">')
        for key in KINDS[i : i + 2]:
            label = f'<property name="viewlabel" action="default">{key[:3].upper()}</property>'
            view = f'<view class="vtkMRMLPlotViewNode" singletontag="{_view_tag(key)}">{label}</view>'
            lines.append(f"<item>{view}</item>")
        lines.append("</layout></item>")
    return "".join([*lines, "</layout>"])


def _table_layout() -> str:
    """Return a description of a table view with a plot view beside it."""
    views = (
        f'<view class="vtkMRMLTableViewNode" singletontag="{_TABLE_VIEW}"><property name="viewlabel" '
        'action="default">TAB</property></view>',
        f'<view class="vtkMRMLPlotViewNode" singletontag="{_view_tag(_ODDS)}"><property name="viewlabel" '
        'action="default">ODD</property></view>',
    )
    return f'<layout type="horizontal" split="true">{"".join(f"<item>{view}</item>" for view in views)}</layout>'
