"""Results as nodes: the record of each prediction, what it was made of, and whether that is still so."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Inputs:
    """What a result is made of.

    :param model: text node.
    :param views: as ``MammoRadiomicsLogic.predict`` takes them.
    :param prevalence: local prevalence, or None.
    :param clinical: clinical values by name; empty for a model of radiomics alone.
    :param scanner: of a harmonised model, empty for one that it does not know; None for other models.
    """

    model: object
    views: dict
    prevalence: dict | None = None
    clinical: dict = field(default_factory=dict)
    scanner: str | None = None

    def how(self) -> dict:
        """Return the keyword arguments of MammoRadiomicsLib.prediction.predict for what is not in the images."""
        given = {"prevalence": self.prevalence} | ({"clinical": self.clinical} if self.clinical else {})
        if self.scanner is not None:
            given |= {"scanner": self.scanner, "unknown_scanner": "refuse" if self.scanner else "leave"}
        return given


def state(inputs: Inputs) -> tuple:
    """Return what a result depends on in a form that costs nothing: it changes whenever any of it does, and oftener."""
    model = inputs.model
    values = str(inputs.how())
    return (model.GetID(), model.GetText() and model.GetMTime(), values), stateOfViews(inputs.views)


def stateOfViews(views: dict) -> tuple:
    """Return what images and outlines are, in the same form."""
    from MammoRadiomicsLib import mrml

    parts = []
    for view, (volume, segmentation, segmentId, spacing) in views.items():
        labels = segmentation.GetBinaryLabelmapInternalRepresentation(segmentId) if segmentation else None
        image = volume.GetImageData()
        pixels = (volume.GetID(), image.GetMTime() if image else 0, volume.GetSpacing(), mrml.is_inverted(volume))
        outline = (segmentation.GetID(), segmentation.GetTransformNodeID()) if segmentation else None
        parts.append((view, pixels, spacing, outline, segmentId, labels.GetMTime() if labels else 0))
    return tuple(parts)


def enteredIn(record: dict) -> tuple[dict | None, dict]:
    """Return the local prevalence and the clinical values that a record was made with."""
    clinical = {name: each["value"] for name, each in (record.get("clinical") or {}).items()}
    return record["prevalence"]["local"], clinical


def difference(resultNode, inputs: Inputs) -> str | None:
    """Return what has changed since a result was made; None where only a look at all pixels tells."""
    from MammoRadiomicsLib import mrml

    record = mrml.result_from_node(resultNode)
    prevalence, clinical = enteredIn(record)
    changed = [
        (record["model_sha256"] != mrml.model_from_node(inputs.model).digest, _("the model has changed")),
        (set(record["views"]) != set(inputs.views), _("the views have changed")),
        (prevalence != inputs.prevalence, _("the local prevalence has changed")),
        (clinical != inputs.clinical, _("the clinical values have changed")),
        ((record.get("scanner") or {}).get("name") != inputs.scanner, _("the scanner has changed")),
    ]
    reasons = [reason for is_changed, reason in changed if is_changed]
    sizes = (_isOfSize(each, inputs.views[view]) for view, each in record["views"].items() if not reasons)
    return reasons[0] if reasons else None if all(sizes) else _("the outline has changed")


def _isOfSize(before: dict, view: tuple) -> bool:
    """Counting is cheaper than hashing, and nearly always enough."""
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.errors import MammoRadiomicsError

    volume, segmentation, segmentId, _spacing = view
    if segmentation is None:
        return False
    try:
        return bool(mrml.part_of_segment(segmentation, segmentId, volume)[0].sum() == before["roi_pixels"])
    except MammoRadiomicsError:
        return False


def differenceOfPixels(resultNode, described: dict) -> str:
    """Return whether image or outline have changed since a result was made; empty when they have not.

    :param described: MammoRadiomicsLib.prediction.describe by view; empty where an outline cannot be used.
    """
    from MammoRadiomicsLib import mrml

    for view, before in mrml.result_from_node(resultNode)["views"].items():
        now = described.get(view)
        if now and now["image_sha256"] != before["image_sha256"]:
            return _("the image has changed")
        if not now or now["mask_sha256"] != before["mask_sha256"]:
            return _("the outline has changed")
    return ""


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
    for name, value in (record.get("radiomics_probabilities") or {}).items():
        row[f"radiomics_probability_{name}"] = value
    for name, each in (record.get("clinical") or {}).items():
        row[f"clinical/{name} [{each['unit']}]" if each["unit"] else f"clinical/{name}"] = each["value"]
    if record.get("scanner"):
        row |= {"scanner": record["scanner"]["name"], "harmonised": int(record["scanner"]["harmonised"])}
    for name, (low, high) in (record["range"] or {}).items():
        row |= {f"lowest_{name}": low, f"highest_{name}": high}
    row |= {"band": record["band"] or "", "warnings": " ".join(record["warnings"])}
    row |= {"model_sha256": record["model_sha256"], "version": record["version"]}
    for view, described in record["views"].items():
        row |= {f"{view}/{name}": value for name, value in described.items() if name != "features"}
        row |= {f"{view}/{name}": value for name, value in described["features"].items()}
    return row
