"""Shape of a flat outline as pyradiomics describes it, without its search over all pairs of mesh vertices.

pyradiomics' 3D shape class makes a marching-cubes mesh of the one-slice mask, on which every pixel has a vertex above
and one below, and compares all vertices with each other. Here volume and area are sums over the sixteen configurations
of 2 x 2 pixels, and diameters come from the convex hull: the two farthest points of a set lie on it. Everything else,
and all of the 2D shape class, is pyradiomics' own.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from .field import Field, as_image
from .presets import import_radiomics


def shape_class(name: str, field: Field, settings: dict[str, Any]) -> Any:
    """pyradiomics' object of class ``shape`` or ``shape2D`` for an outline, ready to be asked for features."""
    mask = as_image(field.shape_inside[None].astype(np.uint8), field.spacing)
    own = _flat_shape_class() if name == "shape" else import_radiomics().getFeatureClasses()[name]
    return own(mask, mask, **{**settings, "label": 1})


@functools.cache
def _flat_shape_class() -> type:
    radiomics = import_radiomics()
    shape: Any = radiomics.getFeatureClasses()["shape"]

    class FlatShape(shape):
        """pyradiomics' 3D shape class with its coefficients computed for a single slice."""

        def _initSegmentBasedCalculation(self):
            radiomics.base.RadiomicsFeaturesBase._initSegmentBasedCalculation(self)
            self.maskArray: np.ndarray = np.pad(self.maskArray, 1)
            spacing = self.pixelSpacing = np.array(self.inputImage.GetSpacing()[::-1])
            mask = self.maskArray
            self.labelledVoxelCoordinates = np.nonzero(mask)
            self.SurfaceArea, self.Volume = surface_and_volume(mask[1], tuple(spacing.tolist()))
            self.diameters = diameters(mask[1], tuple(spacing.tolist()))
            self.eigenValues = _principal_moments(np.stack(self.labelledVoxelCoordinates, axis=1), spacing)

    return FlatShape


def _principal_moments(coordinates: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Eigenvalues of the covariance of the pixels' positions in mm, ascending, as pyradiomics computes them."""
    positions = coordinates * spacing
    positions -= positions.mean(axis=0)
    positions /= np.sqrt(len(positions))
    moments = np.real(np.linalg.eigvals(positions.T.copy() @ positions))
    moments[(moments < 0) & (moments > -1e-10)] = 0
    return np.sort(moments)


def surface_and_volume(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[float, float]:
    """Area and volume of the marching-cubes mesh of a flat mask.

    Parameters
    ----------
    mask : ndarray of bool (rows, columns)
        With a border of False.
    spacing : tuple of float
        Thickness of the slice, height and width of a pixel, in mm.

    Returns
    -------
    area, volume : float
        In mm2 and mm3.
    """
    area, volume = _configurations(mask) @ _mesh_of_configurations(spacing)
    return float(area), float(volume)


def _configurations(mask: np.ndarray) -> np.ndarray:
    """How often each of the sixteen patterns of 2 x 2 pixels occurs in a mask with a border of False."""
    bits = mask.astype(np.uint8)
    patterns = bits[:-1, :-1] + 2 * bits[:-1, 1:] + 4 * bits[1:, :-1] + 8 * bits[1:, 1:]
    return np.bincount(patterns.ravel(), minlength=16).astype(float)


@functools.lru_cache(maxsize=64)
def _mesh_of_configurations(spacing: tuple[float, float, float]) -> np.ndarray:
    """Area and volume that each pattern of 2 x 2 pixels adds, array (16, 2), from pyradiomics' meshes of 3 x 3 pixels.

    The patterns' counts are not independent (each pixel is in four of them), so neither are their shares; the
    least-squares solution is one that adds up to pyradiomics' numbers for every mask.
    """
    coefficients = import_radiomics().cShape.calculate_coefficients
    counts, measures = [], []
    for bits in itertools.product((False, True), repeat=9):
        if any(bits):
            mask = np.pad(np.array(bits).reshape(1, 3, 3), 1)
            area, volume, _ = coefficients(mask, np.array(spacing))
            counts.append(_configurations(mask[1]))
            measures.append((area, volume))
    return np.linalg.lstsq(np.array(counts), np.array(measures), rcond=None)[0]


def diameters(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[float, float, float, float]:
    """Largest distances between vertices of the marching-cubes mesh of a flat mask.

    Parameters
    ----------
    mask : ndarray of bool (rows, columns)
        With a border of False.
    spacing : tuple of float
        Thickness of the slice, height and width of a pixel, in mm.

    Returns
    -------
    within_slice, within_row, within_column, anywhere : float
        In mm, in pyradiomics' order. A pixel has a vertex half a slice above and below its centre; every edge between
        inside and outside has one in its middle, at the height of the slice.
    """
    thickness, height, width = spacing
    caps, rim = _vertices(mask)
    scale = np.array([height, width]) / 2
    cap_hull, rim_hull = (convex_hull(_line_ends(grid)) * scale for grid in (caps, rim))
    cap, both, edge = (_farthest(*pair) for pair in ((cap_hull, cap_hull), (cap_hull, rim_hull), (rim_hull, rim_hull)))
    anywhere = max(cap + thickness**2, both + thickness**2 / 4, edge)
    in_row = _farthest_in_line(caps, rim, width / 2, thickness)
    in_column = _farthest_in_line(caps.T.copy(), rim.T.copy(), height / 2, thickness)
    slice_, row, column, volume = np.sqrt([max(cap, edge), in_row, in_column, anywhere]).tolist()
    return slice_, row, column, volume


def _vertices(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the mesh on a lattice of half pixels: those above and below pixels, and those within the slice."""
    caps, rim = np.zeros((2, 2 * mask.shape[0] - 1, 2 * mask.shape[1] - 1), dtype=bool)
    caps[::2, ::2] = mask
    rim[::2, 1::2] = mask[:, 1:] != mask[:, :-1]
    rim[1::2, ::2] = mask[1:] != mask[:-1]
    return caps, rim


def _farthest(a: np.ndarray, b: np.ndarray) -> float:
    """Largest squared distance between two sets of points, arrays (n, 2) and (m, 2)."""
    return float(((a[:, None] - b[None]) ** 2).sum(axis=2).max())


def _farthest_in_line(caps: np.ndarray, rim: np.ndarray, half_pixel: float, thickness: float) -> float:
    """Largest squared distance between vertices of one row of the lattice, in the plane across the slice."""
    low_cap, high_cap = _extents(caps)
    low_rim, high_rim = _extents(rim)
    mixed = np.maximum(high_cap - low_rim, high_rim - low_cap)
    distances = ((high_cap - low_cap, thickness**2), (mixed, thickness**2 / 4), (high_rim - low_rim, 0.0))
    return max(float(((each[each >= 0] * half_pixel) ** 2 + across).max()) for each, across in distances)


def _extents(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last True of each row; where there is none, infinitely far apart the wrong way."""
    occupied = grid.any(axis=1)
    last = grid.shape[1] - 1 - grid[:, ::-1].argmax(axis=1)
    return np.where(occupied, grid.argmax(axis=1), np.inf), np.where(occupied, last, -np.inf)


def _line_ends(grid: np.ndarray) -> np.ndarray:
    """First and last True of each row as points (row, column), sorted: all others lie between them."""
    low, high = _extents(grid)
    rows = np.flatnonzero(low <= high)
    ends = np.stack([np.repeat(rows, 2), np.stack([low[rows], high[rows]], axis=1).ravel()], axis=1)
    return np.unique(ends.astype(int), axis=0)


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Corners of the convex hull of sorted, distinct integer points, array (n, 2).

    Andrew's monotone chain (doi 10.1016/0020-0190(79)90072-3).
    """
    ends = points.tolist()
    lower, upper = _chain(ends), _chain(ends[::-1])
    return np.array(lower[:-1] + upper[:-1] if len(ends) > 1 else ends)


def _chain(points: list[list[int]]) -> list[list[int]]:
    chain: list[list[int]] = []
    for row, column in points:
        while len(chain) > 1:
            (r0, c0), (r1, c1) = chain[-2:]
            if (r1 - r0) * (column - c0) - (c1 - c0) * (row - r0) > 0:
                break
            chain.pop()
        chain.append([row, column])
    return chain
