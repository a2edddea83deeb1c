"""Tables of the scene that a training starts from: the current case, rows added to a table, a table shown."""

from __future__ import annotations

import slicer
import vtk


def rowsOfCase(patientId: str, outcomes: dict[str, str], outlines: dict[str, tuple], preset: str) -> list[dict]:
    """Return the features of one lesion, a row for each view.

    :param outlines: image and mask by view.
    """
    from MammoRadiomicsLib import extraction, presets

    loaded = presets.load(preset)
    return [
        extraction.feature_row({"patient_id": patientId, "lesion_id": "1", "view": view}, *outline, loaded)[0]
        | outcomes
        for view, outline in outlines.items()
    ]


def appendRows(tableNode, rows: list[dict]) -> None:
    """Add rows to a table of the scene.

    :raises InputError: where it has other columns.
    """
    from MammoRadiomicsLib.errors import InputError

    table = tableNode.GetTable()
    columns = [table.GetColumn(i) for i in range(table.GetNumberOfColumns())]
    differing = {column.GetName() for column in columns} ^ set(rows[0])
    if differing:
        raise InputError(
            f"The table {tableNode.GetName()} has other columns ({', '.join(sorted(differing)[:3])}). Choose the table "
            "that was made with the same preset and outcome, or none."
        )
    count = table.GetNumberOfRows()
    for i, row in enumerate(rows):
        for column in columns:
            column.InsertVariantValue(count + i, vtk.vtkVariant(str(row[column.GetName()])))
    table.Modified()
    tableNode.Modified()


def show(tableNode) -> None:
    """Show a table in the table view of the layout, where there is a window."""
    layout, selection = layoutNode(), slicer.app.applicationLogic().GetSelectionNode()
    if layout is not None and selection is not None:
        layout.SetViewArrangement(layout.SlicerLayoutFourUpTableView)
        selection.SetActiveTableID(tableNode.GetID())
        slicer.app.applicationLogic().PropagateTableSelection()


def layoutNode():
    """Return what lays out the views; None where the application has no main window."""
    manager = slicer.app.layoutManager()
    return manager.layoutLogic().GetLayoutNode() if manager else None
