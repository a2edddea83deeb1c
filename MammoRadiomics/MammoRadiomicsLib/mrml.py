"""Between MRML nodes and the library: volumes, segments, tables and text nodes. The scene is always passed in.

A text node keeps every digit of a number and a table node does not, so models and results are text nodes (JSON), and
tables are views made from them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
import vtk
from vtk.util import numpy_support

from . import imaging, model_file, parts
from .errors import InputError

MODEL_ATTRIBUTE = "MammoRadiomics.Model"
RESULT_ATTRIBUTE = "MammoRadiomics.Result"
POLARITY_ATTRIBUTE = "MammoRadiomics.Polarity"
LESION_COLOUR = (0.90, 0.62, 0.0)

_MESSAGE_CELLS = 5_000

# Slicer's axes point right, anterior, superior; ITK's point left, posterior, superior.
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def image_from_volume(volume_node, spacing_mm: float | None = None) -> sitk.Image:
    """Return the volume of a node as an image of one slice with a known pixel spacing.

    Parameters
    ----------
    volume_node : vtkMRMLScalarVolumeNode
        A mammogram, not under a transform.
    spacing_mm : float, optional
        Size of a pixel in mm; overrides the node's.

    Raises
    ------
    InputError
        No pixels, a stack, a colour image, a transformed volume, or no known spacing.
    """
    image = image_of_volume(volume_node)
    return imaging.with_spacing(image, spacing_mm, what=f"volume {volume_node.GetName()}")


def image_of_volume(volume_node) -> sitk.Image:
    """Return the volume of a node as it is, as an image of one slice; its pixel spacing may be unknown.

    Raises
    ------
    InputError
        No pixels, a stack, a colour image, or a transformed volume.
    """
    name = _refuse_unusable(volume_node)
    components = volume_node.GetImageData().GetNumberOfScalarComponents()
    # A copy, because the array is the node's own memory.
    pixels = np.array(slicer.util.arrayFromVolume(volume_node))
    image = sitk.GetImageFromArray(pixels, isVector=components > 1)
    _set_geometry(image, volume_node)
    return imaging.one_slice(image, f"volume {name}")


def _refuse_unusable(volume_node) -> str:
    """Return the name of a volume that has pixels and no transform."""
    name = volume_node.GetName()
    if volume_node.GetImageData() is None:
        raise InputError(f"The volume {name} has no pixels. Load the mammogram again.")
    if volume_node.GetParentTransformNode() is not None:
        raise InputError(f"The volume {name} is under a transform. Remove it; pixels must stay as in the file.")
    return name


def _set_geometry(image: sitk.Image, volume_node) -> None:
    directions = np.zeros((3, 3))
    volume_node.GetIJKToRASDirections(directions)
    image.SetSpacing(volume_node.GetSpacing())
    image.SetOrigin((_RAS_TO_LPS @ volume_node.GetOrigin()).tolist())
    image.SetDirection((_RAS_TO_LPS @ directions).ravel().tolist())


def is_inverted(volume_node) -> bool:
    """Tell whether the user says that dense tissue is dark in a volume."""
    return volume_node.GetAttribute(POLARITY_ATTRIBUTE) == "MONOCHROME1"


def pixels_of_volume(volume_node) -> tuple[np.ndarray, dict[str, list[float]]]:
    """Return the pixels of a volume where they lie, and their geometry, without copying a mammogram of 17 MB.

    Parameters
    ----------
    volume_node : vtkMRMLScalarVolumeNode
        As for :func:`image_of_volume`, with the same refusals.

    Returns
    -------
    pixels : ndarray (rows, columns)
        The node's own memory: do not change it.
    geometry : dict
        ``spacing``, ``origin`` and ``direction`` as :func:`image_of_volume` has them.
    """
    name = _refuse_unusable(volume_node)
    # One pixel of it is enough to be refused, or to have a geometry.
    pixels = slicer.util.arrayFromVolume(volume_node)
    components = volume_node.GetImageData().GetNumberOfScalarComponents()
    sample = sitk.GetImageFromArray(np.array(pixels[:, :1, :1]), isVector=components > 1)
    _set_geometry(sample, volume_node)
    imaging.one_slice(sample, f"volume {name}")
    geometry = {"spacing": sample.GetSpacing(), "origin": sample.GetOrigin(), "direction": sample.GetDirection()}
    return pixels[0], {key: list(value) for key, value in geometry.items()}


def mask_from_segment(segmentation_node, segment_id: str, volume_node) -> sitk.Image:
    """Return a segment as a uint8 mask (0, 1) in the geometry of a volume.

    Raises
    ------
    InputError
        When there is no such segment, it is empty, or it is too thin (see :func:`.imaging.roi_mask`).
    """
    part, corner = part_of_segment(segmentation_node, segment_id, volume_node)
    image = image_of_volume(volume_node)
    whole = np.zeros(image.GetSize()[1::-1], np.uint8)
    parts.paste(part, corner, whole)
    mask = sitk.GetImageFromArray(whole[np.newaxis])
    mask.CopyInformation(image)
    return imaging.roi_mask(image, mask)


def part_of_segment(segmentation_node, segment_id: str, volume_node) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the part of a volume that a segment covers, in a fraction of a millisecond.

    Returns
    -------
    inside : ndarray of bool (rows, columns)
    corner : tuple of int
        Row and column of its first pixel on the volume; it may lie outside.

    Raises
    ------
    InputError
        When there is no such segment, or it is empty.
    """
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        raise InputError(f"The segmentation {segmentation_node.GetName()} has no segment {segment_id!r}. Pick another.")
    labels = segmentation_node.GetBinaryLabelmapInternalRepresentation(segment_id)
    if labels is not None and _is_on_pixels_of(labels, segmentation_node, volume_node):
        left, right, top, bottom, first, last = labels.GetExtent()
        if first == 0 and first <= last and left <= right and top <= bottom:
            pixels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation_node, segment_id)
            return _tight(pixels[0] == segment.GetLabelValue(), (top, left), segment, volume_node)
    pixels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, segment_id, volume_node)
    inside = np.zeros((1, 1), bool) if pixels is None else pixels[0] != 0
    return _tight(inside, (0, 0), segment, volume_node)


def _is_on_pixels_of(labels, segmentation_node, volume_node) -> bool:
    """Tell whether a labelmap's voxels are a volume's pixels, so that indices agree."""
    matrices = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    labels.GetImageToWorldMatrix(matrices[0])
    volume_node.GetIJKToRASMatrix(matrices[1])
    of_labels, of_volume = map(slicer.util.arrayFromVTKMatrix, matrices)
    tolerance = 1e-6 * min(volume_node.GetSpacing())
    return segmentation_node.GetParentTransformNode() is None and np.allclose(
        of_labels, of_volume, rtol=0, atol=tolerance
    )


def _tight(inside: np.ndarray, corner: tuple[int, int], segment, volume_node) -> tuple[np.ndarray, tuple[int, int]]:
    if not inside.any():
        raise InputError(f"The segment {segment.GetName()} has no pixel on {volume_node.GetName()}. Outline it first.")
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    part = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return part, (int(corner[0] + rows[0]), int(corner[1] + columns[0]))


def replace_segment(segmentation_node, segment_id: str, part: np.ndarray, corner: tuple[int, int], volume_node) -> None:
    """Make a segment what `part` says; other segments keep every pixel, also where they overlap with it.

    Parameters
    ----------
    segmentation_node, segment_id
        Not under a transform, with binary labelmaps.
    part : ndarray (rows, columns)
        Nonzero inside.
    corner : tuple of int
        Row and column of its first pixel on the volume.
    volume_node : vtkMRMLScalarVolumeNode
        The volume whose pixels these are.

    Raises
    ------
    InputError
        When the segmentation cannot be drawn on.
    """
    name = segmentation_node.GetName()
    if segmentation_node.GetParentTransformNode() is not None:
        raise InputError(f"The segmentation {name} is under a transform. Remove it; outlines are drawn on the pixels.")
    rows, columns = part.shape
    matrix, labels = vtk.vtkMatrix4x4(), slicer.vtkOrientedImageData()
    volume_node.GetIJKToRASMatrix(matrix)
    labels.SetImageToWorldMatrix(matrix)
    labels.SetExtent(corner[1], corner[1] + columns - 1, corner[0], corner[0] + rows - 1, 0, 0)
    labels.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    numpy_support.vtk_to_numpy(labels.GetPointData().GetScalars())[:] = (part != 0).ravel()
    # Without a list of segments to overwrite it overwrites none: an overlap moves the segment to a layer of its own.
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if not logic.SetBinaryLabelmapToSegment(labels, segmentation_node, segment_id, logic.MODE_REPLACE):
        raise InputError(f"Nothing can be drawn in {name}. Turn it into binary labelmaps in the module Segmentations.")


def volume_from_image(scene, image: sitk.Image, name: str):
    """Add an image to the scene as a scalar volume, standing as in its file, and return the node."""
    image = imaging.one_slice(image, name)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    slicer.util.updateVolumeFromArray(node, sitk.GetArrayFromImage(image))
    directions = _RAS_TO_LPS @ np.array(image.GetDirection()).reshape(3, 3)
    node.SetIJKToRASDirections(directions.tolist())
    node.SetSpacing(image.GetSpacing())
    node.SetOrigin(_RAS_TO_LPS @ image.GetOrigin())
    node.CreateDefaultDisplayNodes()
    return node


def segmentation_from_mask(scene, mask: sitk.Image, volume_node, name: str, segment_name: str = "Lesion"):
    """Add a mask to the scene as a segmentation of one segment.

    Parameters
    ----------
    scene : vtkMRMLScene
        A live segmentations logic must observe it.
    mask : SimpleITK.Image
        As large as the volume; nonzero inside.
    volume_node : vtkMRMLScalarVolumeNode
        The volume whose geometry the segment takes.
    name, segment_name : str
        Of the node and of the segment.

    Returns
    -------
    segmentation_node, segment_id
    """
    node, segment_id = empty_segmentation(scene, volume_node, name, segment_name)
    pixels = (sitk.GetArrayFromImage(imaging.one_slice(mask, name)) != 0).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(pixels, node, segment_id, volume_node)
    return node, segment_id


def empty_segmentation(scene, volume_node, name: str, segment_name: str = "Lesion"):
    """Add a segmentation with one empty segment, to be outlined on a volume; the lesion stays visible within.

    Returns
    -------
    segmentation_node, segment_id
    """
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    display = node.GetDisplayNode()
    display.SetOpacity2DFill(0.1)
    display.SetSliceIntersectionThickness(2)
    segment_id = node.GetSegmentation().AddEmptySegment("", segment_name, LESION_COLOUR)
    place_beside(scene, node, volume_node)
    return node, segment_id


def place_beside(scene, node, volume_node) -> None:
    """Put a node where a volume is in the subject hierarchy: into its study, under its patient."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume_item = hierarchy.GetItemByDataNode(volume_node)
    parent = hierarchy.GetItemParent(volume_item) if volume_item else hierarchy.GetSceneItemID()
    hierarchy.CreateItem(parent, node)


def rows_to_table(scene, rows: list[dict], name: str):
    """Add a table node with one row per dict; every cell is text, numbers with all their digits."""
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name))
    table = node.GetTable()
    for column_name in rows[0]:
        column = vtk.vtkStringArray()
        column.SetName(column_name)
        for row in rows:
            column.InsertNextValue(str(row[column_name]))
        table.AddColumn(column)
    node.Modified()
    return node


def features_to_table(scene, features_by_view: dict[str, dict[str, float]], name: str):
    """Add a table node with one row per feature and one column per view."""
    first = next(iter(features_by_view.values()))
    rows = [{"feature": key} | {view: values[key] for view, values in features_by_view.items()} for key in first]
    return rows_to_table(scene, rows, name)


def table_to_rows(table_node, rows: range | None = None) -> list[dict[str, str]]:
    """Return the rows of a table node as dicts of text; those of a range of indices, or all."""
    table = table_node.GetTable()
    columns = [table.GetColumn(i) for i in range(table.GetNumberOfColumns())]
    if not columns or not table.GetNumberOfRows():
        raise InputError(f"The table {table_node.GetName()} has no rows.")
    cells = {column.GetName(): _cells_of(column) for column in columns}
    indices = range(table.GetNumberOfRows()) if rows is None else rows
    return [{name: cell(i) for name, cell in cells.items()} for i in indices]


def _cells_of(column) -> Callable[[int], str]:
    """Return what gives the cells of a column as text; those of text itself come ten times sooner without a variant."""
    if column.IsA("vtkStringArray"):
        return column.GetValue
    return lambda i: str(column.GetVariantValue(i).ToString())


def table_messages(key: str, table_node) -> Iterator[dict]:
    """Yield the messages that hand a table to a worker, each made in some ten milliseconds.

    Parameters
    ----------
    key : str
        What the request calls the table.
    table_node : vtkMRMLTableNode
        With rows; read while the messages are taken.
    """
    table = table_node.GetTable()
    step = max(1, _MESSAGE_CELLS // table.GetNumberOfColumns())
    for start in range(0, table.GetNumberOfRows(), step):
        rows = table_to_rows(table_node, range(start, min(start + step, table.GetNumberOfRows())))
        yield {"table": key, "columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}


def model_to_node(scene, model: model_file.Model, name: str | None = None):
    """Add a model to the scene as a text node, saved with it and applied without its file."""
    return _text_node(scene, model.to_text(), name or f"{model.outcome} model", MODEL_ATTRIBUTE, model.outcome)


def model_from_node(text_node) -> model_file.Model:
    """Return the model that a text node holds, verified as :func:`.model_file.load` does."""
    if not is_model_node(text_node):
        raise InputError("The text node holds no model. Pick a model, or load a .mammomodel file.")
    return _verified(text_node.GetText())


@functools.lru_cache(maxsize=8)
def _verified(text: str) -> model_file.Model:
    """Verify a model once: a window asks for it with every edit."""
    return model_file.from_text(text)


def is_model_node(node) -> bool:
    """Tell whether a node is a text node that holds a model."""
    return node is not None and node.IsA("vtkMRMLTextNode") and bool(node.GetAttribute(MODEL_ATTRIBUTE))


def result_to_node(scene, result: dict, name: str):
    """Add a result to the scene: the record of a prediction, with every digit."""
    text = json.dumps(result, indent=1, allow_nan=False)
    return _text_node(scene, text, name, RESULT_ATTRIBUTE, str(result.get("outcome", "")))


def update_result(text_node, result: dict) -> None:
    """Replace what a text node holds by another result."""
    text_node.SetText(json.dumps(result, indent=1, allow_nan=False))


def result_from_node(text_node) -> dict:
    """Return the result that a text node holds."""
    if text_node is None or not text_node.GetAttribute(RESULT_ATTRIBUTE):
        raise InputError("The text node holds no result.")
    try:
        return json.loads(text_node.GetText())
    except ValueError as error:
        raise InputError(f"The result {text_node.GetName()} is damaged. Predict again.") from error


def _text_node(scene, text: str, name: str, attribute: str, value: str):
    node = scene.CreateNodeByClass("vtkMRMLTextNode")
    node.UnRegister(None)
    node.SetName(scene.GenerateUniqueName(name))
    # Before it is added: Slicer's node selectors look at attributes at that moment only.
    node.SetAttribute(attribute, value)
    node.SetText(text)
    return scene.AddNode(node)
