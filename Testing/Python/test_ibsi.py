"""IBSI's digital phantom.

Reference values, phantom and codes: IBSI reference manual (Zwanenburg et al., arXiv 1612.07003, CC BY), tables "dig.
phantom"; transcribed from its source, github.com/theibsi/ibsi-doc at b952e71. Texture is compared with the aggregation
"2D" or "2D, averaged": the mean over the four slices of what the engine finds on each. First-order features do not
depend on where a voxel lies, so the slices side by side have the values of the volume.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyradiomics_oracle as oracle
import pytest
from MammoRadiomicsLib import features, presets

OUTSIDE = 0
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [OUTSIDE, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, OUTSIDE, OUTSIDE], [1, 1, 1, 1, 1], [1, 1, OUTSIDE, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, OUTSIDE, OUTSIDE], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ],
    dtype=np.int16,
)
EXCESS = {"Kurtosis": 3.0}
with (Path(__file__).parents[1] / "Data" / "ibsi_digital_phantom.csv").open(newline="", encoding="utf-8") as file:
    REFERENCE = list(csv.DictReader(file))
CODES = {(each.feature_class, each.feature): each.ibsi_code for each in presets.catalogue()}


def extracted(pixels: np.ndarray) -> dict[str, float]:
    classes = dict.fromkeys(("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"))
    settings = {**presets._DEFAULT_SETTINGS, "force2D": True, "binWidth": 1}
    preset = presets.Preset("ibsi", {"Original": {}}, classes, settings)
    with pytest.warns(features.GreyLevelWarning):
        return features.extract(*oracle.as_case(pixels, pixels != OUTSIDE, (2.0, 2.0, 2.0)), preset)


@pytest.fixture(scope="module")
def found():
    by_slice = [extracted(each) for each in PHANTOM]
    side_by_side = extracted(np.concatenate(PHANTOM))
    return {
        name: side_by_side[name] if "_firstorder_" in name else float(np.mean([each[name] for each in by_slice]))
        for name in side_by_side
    }


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: f"{row['feature_class']}_{row['feature']}")
def test_the_digital_phantom_has_ibsi_s_value(found, row):
    value = found[f"original_{row['feature_class']}_{row['feature']}"] - EXCESS.get(row["feature"], 0.0)
    assert f"{value:.3g}" == f"{float(row['value']):.3g}"
    assert CODES[row["feature_class"], row["feature"]] == row["ibsi_code"]


def test_every_texture_feature_with_an_ibsi_code_is_compared():
    compared = {(row["feature_class"], row["feature"]) for row in REFERENCE}
    standardised = {
        (each.feature_class, each.feature)
        for each in presets.catalogue()
        if each.ibsi_code and each.computed == "default" and each.feature_class != "shape"
    }
    assert compared == standardised
