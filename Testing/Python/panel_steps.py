"""What tests do with the panel of MammoRadiomics, and the models that they use."""

from __future__ import annotations

import functools
import time
from dataclasses import replace

import numpy as np
from made_up_model import a_model


@functools.cache
def slnm_model():
    """A model of SLNM with the study's thresholds; made-up rows, and called research so that it has a band."""
    model = a_model()
    return replace(model, manifest={**model.manifest, "outcome": "slnm", "thresholds": [0.2, 0.6]})


@functools.cache
def her2_model():
    model = a_model(("zero", "low", "positive"))
    return replace(model, manifest={**model.manifest, "outcome": "her2"})


def wait_for(panel, seconds: float = 60) -> None:
    """Wait until nothing is being computed any more."""
    wait_until(lambda: not (panel.result.busy or panel.result._idle.isActive()), seconds)


def wait_until(condition, seconds: float = 60) -> None:
    import slicer

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        slicer.app.processEvents()
        time.sleep(0.002)


def predict(panel) -> None:
    panel.ui.predictButton.click()
    wait_for(panel)


def grow(segmentation, segment_id: str, volume, by: int = 1) -> None:
    """Enlarge an outline to the right."""
    import slicer

    pixels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
    wider = pixels | np.roll(pixels, by, axis=2)
    slicer.util.updateSegmentBinaryLabelmapFromArray(wider, segmentation, segment_id, volume)


def settle(panel) -> None:
    """Let the panel notice an edit."""
    wait_until(lambda: not panel._settled.isActive())


class ReaderParent:
    """What qSlicerScriptedFileReader shows to a reader."""

    def __init__(self):
        import slicer

        self.loadedNodes = []
        self._messages = slicer.vtkMRMLMessageCollection()

    def userMessages(self):
        return self._messages
