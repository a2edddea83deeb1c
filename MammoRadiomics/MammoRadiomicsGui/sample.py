"""The sample data: a synthetic breast in two views and a demonstration model, shipped with the module."""

from __future__ import annotations

from pathlib import Path

import slicer

VIEWS = ("CC", "MLO")


def load(logic, folder: Path, outlined: bool) -> list:
    """Add both views and the model to the scene and select them in the panel; returns the volume nodes.

    :param logic: MammoRadiomicsLogic.
    :param folder: where the files are.
    :param outlined: with the lesion's true outlines.
    """
    from MammoRadiomicsLib import imaging, mrml

    volumes = {}
    parameters = logic.getParameterNode()
    for view in VIEWS:
        image = imaging.read(folder / f"phantom_{view}.nrrd")
        volumes[view] = mrml.volume_from_image(slicer.mrmlScene, image, f"Phantom L {view}")
        segmentation, segmentId = None, ""
        if outlined:
            mask = imaging.read(folder / f"phantom_{view}_lesion.nrrd", "mask")
            name = f"Phantom L {view} outline"
            segmentation, segmentId = mrml.segmentation_from_mask(slicer.mrmlScene, mask, volumes[view], name)
        with slicer.util.NodeModify(parameters):
            setattr(parameters, f"{view.lower()}Volume", volumes[view])
            setattr(parameters, f"{view.lower()}Segmentation", segmentation)
            setattr(parameters, f"{view.lower()}SegmentId", segmentId)
    model = logic.loadModel(folder / "phantom_slnm.mammomodel")
    model.SetName(slicer.mrmlScene.GenerateUniqueName("Phantom SLNM model"))
    logic.useModel(model)
    return list(volumes.values())
