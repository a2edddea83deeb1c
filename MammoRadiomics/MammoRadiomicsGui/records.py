"""Results as nodes: the record of each prediction, what it was made of, and whether that is still so."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _

MODEL_ROLE = "MammoRadiomics.model"
IMAGE_ROLE, OUTLINE_ROLE = "MammoRadiomics.image", "MammoRadiomics.outline"


def keep(modelNode, views: dict, record: dict, resultNode=None):
    """Keep a record in the scene, beside the images, and what it was made of as node references."""
    from MammoRadiomicsLib import mrml

    if resultNode is None:
        resultNode = mrml.result_to_node(slicer.mrmlScene, record, f"{record['outcome']} result")
        mrml.place_beside(slicer.mrmlScene, resultNode, next(iter(views.values()))[0])
    else:
        mrml.update_result(resultNode, record)
    resultNode.SetNodeReferenceID(MODEL_ROLE, modelNode.GetID())
    for role in (IMAGE_ROLE, OUTLINE_ROLE):
        resultNode.RemoveNodeReferenceIDs(role)
    for volume, segmentation, *_segment in views.values():
        resultNode.AddNodeReferenceID(IMAGE_ROLE, volume.GetID())
        resultNode.AddNodeReferenceID(OUTLINE_ROLE, segmentation.GetID())
    return resultNode


def resultOf(modelNode, resultNodes: list):
    """Return the result of a model among the given ones, or None."""
    of = [node for node in resultNodes if node and node.GetNodeReference(MODEL_ROLE) is modelNode]
    return of[-1] if of else None


def state(modelNode, views: dict, prevalence: dict | None) -> tuple:
    """Return what a result depends on in a form that costs nothing: it changes whenever any of it does, and oftener."""
    from MammoRadiomicsLib import mrml

    parts = [(modelNode.GetID(), modelNode.GetText() and modelNode.GetMTime(), str(prevalence))]
    for view, (volume, segmentation, segmentId, spacing) in views.items():
        labels = segmentation.GetBinaryLabelmapInternalRepresentation(segmentId) if segmentation else None
        image = volume.GetImageData()
        pixels = (volume.GetID(), image.GetMTime() if image else 0, volume.GetSpacing(), mrml.is_inverted(volume))
        parts.append((view, pixels, spacing, segmentId, labels.GetMTime() if labels else 0))
    return tuple(parts)


def difference(resultNode, modelNode, views: dict, prevalence: dict | None, outline) -> str:
    """Return what has changed since a result was made; empty when nothing has.

    :param outline: MammoRadiomicsLogic.outline.
    """
    from MammoRadiomicsLib import mrml

    record = mrml.result_from_node(resultNode)
    changed = [
        (record["model_sha256"] != mrml.model_from_node(modelNode).digest, _("the model has changed")),
        (set(record["views"]) != set(views), _("the views have changed")),
        (record["prevalence"]["local"] != prevalence, _("the local prevalence has changed")),
    ]
    reasons = [reason for is_changed, reason in changed if is_changed]
    if reasons:
        return reasons[0]
    return next(filter(None, (_differenceOfView(record["views"][view], views[view], outline) for view in views)), "")


def _differenceOfView(before: dict, view: tuple, outline) -> str:
    from MammoRadiomicsLib import mrml, prediction
    from MammoRadiomicsLib.errors import MammoRadiomicsError

    volume, segmentation, segmentId, _spacing = view
    if segmentation is None:
        return _("the outline has changed")
    try:
        part, _corner = mrml.part_of_segment(segmentation, segmentId, volume)
        # Counting is cheaper than hashing, and nearly always enough.
        now = prediction.describe(*outline(view)) if part.sum() == before["roi_pixels"] else None
    except MammoRadiomicsError:
        now = None
    if now and now["image_sha256"] != before["image_sha256"]:
        return _("the image has changed")
    return "" if now and now["mask_sha256"] == before["mask_sha256"] else _("the outline has changed")


def saveCsv(resultNodes: list, path: Path) -> None:
    """Save records as a table: a row per model, its probabilities, caveats and the features that it used."""
    from MammoRadiomicsLib import mrml, tables

    rows = [_row(mrml.result_from_node(node)) for node in resultNodes]
    columns = dict.fromkeys(name for row in rows for name in row)
    tables.write_rows(path, [{name: row.get(name, "") for name in columns} for row in rows])


def _row(record: dict) -> dict:
    row = {"outcome": record["outcome"], "purpose": record["purpose"], "radscore": record["radscore"]}
    row |= {f"probability_{name}": value for name, value in record["probabilities"].items()}
    row |= {f"local_probability_{name}": value for name, value in (record["local_probabilities"] or {}).items()}
    for name, (low, high) in (record["range"] or {}).items():
        row |= {f"lowest_{name}": low, f"highest_{name}": high}
    row |= {"band": record["band"] or "", "warnings": " ".join(record["warnings"])}
    row |= {"model_sha256": record["model_sha256"], "version": record["version"]}
    for view, described in record["views"].items():
        row |= {f"{view}/{name}": value for name, value in described.items() if name != "features"}
        row |= {f"{view}/{name}": value for name, value in described["features"].items()}
    return row
