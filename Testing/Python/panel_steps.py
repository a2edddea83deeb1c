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


@functools.cache
def combined_model(outcome: str = "slnm", weight: float = 1e-9):
    """A model that adds age and breast density to radiomics.

    The radscore of a phantom is enormous, as it looks nothing like made-up rows; hence its small weight.
    """
    return with_clinical_values({"slnm": slnm_model, "her2": her2_model}[outcome](), weight)


def with_clinical_values(model, weight: float, intercept: float = -2.5, levels: str = "ABCD"):
    """Return a model with made-up coefficients of age and breast density beside its radscore's weight."""
    from MammoRadiomicsLib.clinical_terms import ClinicalTerm

    terms = (
        ClinicalTerm("age", "years", "imaging", (), 31.0, 78.0),
        ClinicalTerm("density", "", "imaging", tuple(levels)),
    )
    count, rng = len(model.arrays["reference_inputs"]), np.random.default_rng(1)
    coded = np.column_stack([rng.integers(31, 79, count), rng.integers(0, len(levels), count)]).astype(float)
    rows = len(model.classes) - 1
    clinical = {"terms": [term.to_json() for term in terms], "metrics": {}, "radscore": [-1.0, 2.0]}
    own = {
        "clinical_intercept": np.full(rows, intercept),
        "clinical_coef": np.outer(np.arange(1.0, 1 + rows), [weight, 0.03, *(0.2, 0.5, 0.9)[: len(levels) - 1]]),
        "reference_clinical": coded,
        "reference_combined": np.full((count, rows + 1), 1 / (rows + 1)),
    }
    made = replace(model, manifest={**model.manifest, "clinical": clinical}, arrays={**model.arrays, **own})
    combined = made.combined_probabilities(made.arrays["reference_inputs"], coded)
    return replace(made, arrays={**made.arrays, "reference_combined": combined})


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
