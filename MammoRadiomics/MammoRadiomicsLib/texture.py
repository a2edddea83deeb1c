"""First-order and texture features of one image: pyradiomics' own classes, given what they would each compute again.

The intensities of the outline are gathered and binned once; the classes share them through a base class that takes the
place of pyradiomics' :class:`RadiomicsFeaturesBase`. Matrices come from pyradiomics' C code, formulas from its classes.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError
from .presets import import_radiomics

# Matrices of grey levels grow with their square; more than these no computer holds.
MOST_BINS = 10_000
_PERCENTILES = (10, 25, 75, 90)


@dataclass(frozen=True)
class Region:
    """Intensities of an outline and their grey levels.

    Attributes
    ----------
    inside : ndarray of bool (rows, columns)
        True in the lesion.
    values : ndarray
        Intensities in the lesion.
    binned : ndarray of int32 (rows, columns)
        Grey levels from 1 in the lesion, 0 elsewhere.
    levels, counts : ndarray of int
        The grey levels that occur, and how often.
    spacing : tuple of float
        Size of a pixel in mm: columns, rows, thickness of the slice.
    """

    inside: np.ndarray
    values: np.ndarray
    binned: np.ndarray
    levels: np.ndarray
    counts: np.ndarray
    spacing: tuple[float, float, float]

    def GetSpacing(self) -> tuple[float, float]:
        """Size of a pixel of this two-dimensional image, as pyradiomics asks for it."""
        return self.spacing[:2]


def discretise(
    name: str, pixels: np.ndarray, inside: np.ndarray, spacing: tuple[float, float, float], settings: dict[str, Any]
) -> Region:
    """Gather an image's intensities in the lesion and bin them, on pyradiomics' bin edges.

    Parameters
    ----------
    name : str
        Of the image, for errors.
    pixels : ndarray (rows, columns)
        Intensities in the outline's bounding box.
    inside : ndarray of bool (rows, columns)
        True in the lesion.
    spacing : tuple of float
        Size of a pixel in mm: columns, rows, thickness of the slice.
    settings : dict
        pyradiomics' settings, of which `binWidth` or `binCount` hold.

    Raises
    ------
    InputError
        Where an intensity is not finite.
    """
    values = pixels[inside]
    if not np.isfinite(values).all():
        raise InputError(
            f"The {name} image is not finite in the outline. Use a mammogram whose pixels are not all of one value."
        )
    levels_of_values = np.digitize(values, _bin_edges(values, settings))
    binned = np.zeros(pixels.shape, dtype=np.int32)
    binned[inside] = levels_of_values
    counts = np.bincount(levels_of_values)
    levels = np.flatnonzero(counts)
    return Region(inside, values, binned, levels, counts[levels], spacing)


def _bin_edges(values: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """pyradiomics' bin edges, which depend on the lowest and highest intensity only.

    Integers are widened: pyradiomics adds two bin widths to the highest in the image's own type, where it may overflow.
    """
    ends = np.array([values.min(), values.max()])
    ends = ends.astype(np.int64) if ends.dtype.kind in "iub" else ends
    width = settings.get("binWidth", 25)
    if settings.get("binCount") is None and (float(ends[1]) - float(ends[0])) / width > MOST_BINS:
        raise InputError(
            f"Intensities from {ends[0]:g} to {ends[1]:g} in bins of {width:g} make more than {MOST_BINS} grey levels. "
            "Use a preset with a bin count, such as mammo-2d."
        )
    return import_radiomics().imageoperations.getBinEdges(ends, **settings)


def values_of(
    feature_class: str, region: Region, settings: dict[str, Any], features: Collection[str]
) -> Iterator[tuple[str, float]]:
    """Compute features of one class.

    Parameters
    ----------
    feature_class : str
        Of pyradiomics: ``firstorder``, ``glcm``, ``gldm``, ``glrlm``, ``glszm``, ``ngtdm``.
    region : Region
        The image.
    settings : dict
        pyradiomics' settings.
    features : collection of str
        Which ones.

    Yields
    ------
    feature : str
    value : float
    """
    # The slice is handed over as an image of two dimensions, where force2D would mean one.
    calculator = _classes()[feature_class](region, None, **{**settings, "force2D": False})
    try:
        calculator._initCalculation()
    except (MemoryError, RuntimeError) as error:
        raise InputError(f"pyradiomics cannot make the {feature_class} matrices of this outline: {error}") from error
    yield from evaluate(calculator, features)


def evaluate(calculator: Any, features: Collection[str]) -> Iterator[tuple[str, float]]:
    """Ask a prepared object of pyradiomics for features; one that fails is an error and not a NaN."""
    for feature in features:
        try:
            value = getattr(calculator, f"get{feature}FeatureValue")()
        except (ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError, DeprecationWarning) as error:
            raise InputError(f"pyradiomics cannot compute {feature} of this outline: {error}") from error
        yield feature, float(np.real(np.squeeze(value)))  # NumPy 2.5's eigenvalues are complex


@functools.cache
def _classes() -> dict[str, type]:
    """pyradiomics' classes over shared intensities, by name."""
    radiomics = import_radiomics()
    # What the classes would say of SumAverage or of deprecated features; failures are exceptions here.
    log = logging.Logger(f"{__name__}.pyradiomics", level=logging.CRITICAL)
    log.addHandler(logging.NullHandler())

    classes = radiomics.getFeatureClasses()
    base: Any = radiomics.base.RadiomicsFeaturesBase
    first_order: Any = classes["firstorder"]
    glcm: Any = classes["glcm"]

    class Shared(base):
        """Takes the place of pyradiomics' base class, between it and the classes."""

        def __init__(self, inputImage, inputMask, **kwargs):
            self.logger = log
            self.settings = kwargs
            self.voxelBased = False
            self.coefficients = {"grayLevels": inputImage.levels, "Ng": int(inputImage.levels[-1])}
            self.inputImage = inputImage
            self.imageArray = inputImage.binned
            self.maskArray = inputImage.inside

        def _applyBinning(self, matrix):
            return self.inputImage.binned

    class SharedFirstOrder(first_order, Shared):
        """First order over the intensities already gathered, all its percentiles from one partial sort."""

        def _initCalculation(self, voxelCoordinates=None):
            self.pixelSpacing = self.inputImage.spacing
            self.targetVoxelArray = self.inputImage.values.astype(float).reshape((1, -1))
            self.coefficients["p_i"] = (self.inputImage.counts / self.inputImage.counts.sum()).reshape((1, -1))

        @functools.cached_property
        def _percentiles(self):
            return dict(zip(_PERCENTILES, np.percentile(self.targetVoxelArray, _PERCENTILES, axis=1), strict=True))

        def get10PercentileFeatureValue(self):
            return self._percentiles[10]

        def get90PercentileFeatureValue(self):
            return self._percentiles[90]

        def getInterquartileRangeFeatureValue(self):
            return self._percentiles[75] - self._percentiles[25]

        @staticmethod
        def _moment(a, moment=1):
            deviations = a - np.mean(a, axis=1, keepdims=True)
            return np.mean(np.prod([deviations] * moment, axis=0), axis=1)

    class SharedGLCM(glcm, Shared):
        """Co-occurrence with its two cubic steps, of Ng passes over the matrix each, done in one."""

        def _calculateCoefficients(self):
            self.coefficients.update(_glcm_coefficients(self.P_glcm, self.coefficients["grayLevels"]))

        def getMCCFeatureValue(self):
            return _maximal_correlation(self.P_glcm, self.coefficients)

    names = ("gldm", "glrlm", "glszm", "ngtdm")
    shared = {name: type(f"Shared{name}", (classes[name], Shared), {}) for name in names}
    return {**shared, "firstorder": SharedFirstOrder, "glcm": SharedGLCM}


def _glcm_coefficients(matrix: np.ndarray, levels: np.ndarray) -> dict[str, np.ndarray]:
    """What pyradiomics' co-occurrence features are made of, from matrices (1, levels, levels, directions).

    The distributions of sums and differences of grey levels are gathered in one pass each.
    """
    i, j = np.meshgrid(levels.astype(float), levels.astype(float), indexing="ij", sparse=True)
    highest = int(levels[-1])
    eps = np.spacing(1)
    return {
        "eps": eps,
        "i": i,
        "j": j,
        "kValuesSum": np.arange(2.0, 2 * highest + 1),
        "kValuesDiff": np.arange(0.0, highest),
        "px": matrix.sum(2, keepdims=True),
        "py": matrix.sum(1, keepdims=True),
        "ux": np.sum(i[None, :, :, None] * matrix, (1, 2), keepdims=True),
        "uy": np.sum(j[None, :, :, None] * matrix, (1, 2), keepdims=True),
        "pxAddy": _summed_by(np.add.outer(levels, levels) - 2, matrix, 2 * highest - 1),
        "pxSuby": _summed_by(np.abs(np.subtract.outer(levels, levels)), matrix, highest),
        "HXY": -np.sum(matrix * np.log2(matrix + eps), (1, 2)),
    }


def _summed_by(group: np.ndarray, matrix: np.ndarray, groups: int) -> np.ndarray:
    """Sums of the matrices' elements by group, array (1, groups, directions)."""
    sums = np.empty((1, groups, matrix.shape[3]))
    for each in range(matrix.shape[3]):
        sums[0, :, each] = np.bincount(group.ravel(), matrix[0, :, :, each].ravel(), minlength=groups)
    return sums


def _maximal_correlation(matrix: np.ndarray, coefficients: dict[str, np.ndarray]) -> float:
    """Maximal correlation coefficient by pyradiomics' formula, its sum over grey levels as a matrix product."""
    if matrix.shape[1] < 2:
        return 1.0
    by_direction = matrix[0].transpose(2, 0, 1)
    marginals = coefficients["px"] * coefficients["py"] + coefficients["eps"]
    q = (by_direction / marginals[0].transpose(2, 0, 1)) @ by_direction.transpose(0, 2, 1)
    eigenvalues = np.sort(np.linalg.eigvals(q), axis=-1)
    return np.nanmean(np.sqrt(eigenvalues[:, -2])).real
