"""Shape features of flat outlines against pyradiomics' own search over all pairs of vertices."""

from __future__ import annotations

import numpy as np
import pyradiomics_oracle as oracle
import pytest
from MammoRadiomicsLib import shape
from radiomics import cShape

SPACINGS = ((1.0, 0.07, 0.07), (0.05, 0.1, 0.1), (2.0, 0.3, 0.11), (1.0, 0.8, 0.8))


def outlines() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    ring = oracle.disc((31, 31), (15, 15), 12) & ~oracle.disc((31, 31), (15, 15), 5)
    return {
        "disc": oracle.disc((41, 37), (20, 18), 15),
        "ring": ring,
        "two islands": oracle.disc((30, 44), (12, 8), 6) | oracle.disc((30, 44), (20, 35), 4),
        "scattered pixels": rng.random((17, 23)) < 0.3,
        "dense noise": rng.random((25, 19)) < 0.8,
        "checkerboard": np.indices((9, 8)).sum(axis=0) % 2 == 0,
        "diagonal": np.eye(12, dtype=bool),
        "rectangle": np.ones((5, 11), dtype=bool),
        "one row": np.ones((1, 9), dtype=bool),
        "one column": np.ones((9, 1), dtype=bool),
        "two pixels apart": np.eye(2, dtype=bool),
    }


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", outlines())
def test_the_mesh_measures_are_those_of_pyradiomics(name, spacing):
    mask = np.pad(outlines()[name], 1)
    area, volume, diameters = cShape.calculate_coefficients(
        np.pad(mask[np.newaxis], ((1, 1), (0, 0), (0, 0))), np.array(spacing)
    )
    assert shape.surface_and_volume(mask, spacing) == pytest.approx((area, volume), rel=1e-12)
    assert shape.diameters(mask, spacing) == pytest.approx(tuple(diameters), rel=1e-12)


@pytest.mark.parametrize("name", ["disc", "ring", "dense noise", "diagonal"])
def test_all_shape_features_are_those_of_pyradiomics(name, tmp_path):
    from MammoRadiomicsLib import features

    inside = np.pad(outlines()[name], 2)
    pixels = np.random.default_rng(3).integers(0, 800, inside.shape).astype(np.int16)
    image, roi = oracle.as_case(pixels, inside, (0.11, 0.3, 2.0))
    path = tmp_path / "shape.json"
    path.write_text('{"setting": {"force2D": true}, "featureClass": {"shape": [], "shape2D": []}}', encoding="utf-8")
    ours = features.extract(image, roi, path)
    assert len(ours) == 14 + 9
    assert oracle.worst(ours, oracle.stock(image, roi, path))[0] < 1e-12


def test_the_convex_hull_has_the_corners_of_a_known_figure():
    points = np.array([[0, 0], [0, 2], [0, 4], [1, 1], [2, 0], [2, 2], [2, 4], [3, 2]])
    assert {tuple(corner) for corner in shape.convex_hull(points).tolist()} == {(0, 0), (0, 4), (2, 4), (3, 2), (2, 0)}
