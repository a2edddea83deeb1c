"""Whether a manifest and arrays from anywhere make a model that can be applied; ValueError and others where not."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import clinical_terms, combat
from .clinical_terms import ClinicalTerm
from .presets import Preset
from .settings import PURPOSES, VIEWS

# No number of a model, and no feature in SDs, is so large; products of larger ones could overflow.
ABSURD = 1e100
_ABSURD_SETTING, _FINEST_MM, _COARSEST_MM, _MOST_LESIONS = 1e6, 0.01, 1e3, 2**31
_MOST_REFERENCES = 32
_FACTS = ("outcome", "classes", "views", "view_names", "purpose", "preset", "pixel_spacing_mm", "feature_names")
_MANIFEST_KEYS = frozenset((*_FACTS, "format", "thresholds", "training", "metrics", "versions", "card"))
# The arrays of ComBat, in the order of its fields.
COMBAT = tuple(f"combat_{name}" for name in combat.ARRAYS)
# What only some models have.
_OPTIONAL_KEYS = frozenset(("clinical", "harmonised"))


def check_manifest(manifest: dict) -> None:
    """Refuse a manifest that applying the model, or saying what it is, would stumble over."""
    if set(manifest) - _OPTIONAL_KEYS != _MANIFEST_KEYS:
        raise ValueError(f"manifest keys {sorted(set(manifest) ^ _MANIFEST_KEYS)}")
    for key in ("classes", "feature_names", "view_names"):
        items = manifest[key]
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(key)
        if len(set(items)) < len(items):
            raise ValueError(f"{key}: one twice")
    if len(manifest["classes"]) < 2 or not manifest["feature_names"]:
        raise ValueError("classes or features")
    if manifest["views"] not in VIEWS or manifest["purpose"] not in PURPOSES:
        raise ValueError("views or purpose")
    if any(not isinstance(manifest[key], str) for key in ("outcome", "card")):
        raise ValueError("text")
    if any(not isinstance(manifest[key], dict) for key in ("training", "metrics", "versions")):
        raise ValueError("training, metrics or versions")
    counts = manifest["training"]["counts"]
    if set(counts) != set(manifest["classes"]):
        raise ValueError("counts")
    if not all(type(count) is int and 0 < count < _MOST_LESIONS for count in counts.values()):
        raise ValueError("counts")
    shares = manifest["training"].get("calibrated_prevalence")
    if shares is not None and (
        set(shares) != set(counts) or not all(type(share) is float and 0 < share < 1 for share in shares.values())
    ):
        raise ValueError("calibrated_prevalence")
    _check_preset(manifest["preset"])
    _check_numbers(manifest)
    _check_optional(manifest)


def _check_optional(manifest: dict) -> None:
    if "clinical" in manifest:
        _check_clinical(manifest["clinical"], set(manifest["feature_names"]))
    if "harmonised" in manifest:
        _check_harmonised(manifest["harmonised"])


def _check_clinical(described: dict, taken: set[str]) -> None:
    if set(described) != {"terms", "radscore", "metrics"} or not isinstance(described["metrics"], dict):
        raise ValueError("clinical")
    names = [ClinicalTerm.from_json(each).name for each in described["terms"]]
    if not names or len(set(names)) < len(names) or taken & set(names) or clinical_terms.RADSCORE in names:
        raise ValueError("clinical terms")
    low, high = described["radscore"]
    if not (type(low) is type(high) is float and -ABSURD < low < high < ABSURD):
        raise ValueError("radscore")


def _check_harmonised(described: dict) -> None:
    names = described["scanners"]
    if set(described) != {"column", "scanners"} or not isinstance(described["column"], str):
        raise ValueError("harmonised")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError("scanners")
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError("scanners")


def _check_preset(described: dict) -> None:
    """Refuse a preset whose numbers would keep the extraction of features busy for ever."""
    settings = Preset.from_json(described).settings
    waiting: list[Any] = [described]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            waiting += item.values() if isinstance(item, dict) else item
        elif isinstance(item, float | int) and not abs(item) <= _ABSURD_SETTING:
            raise ValueError("preset")
    if any(0 < spacing < _FINEST_MM for spacing in settings.get("resampledPixelSpacing") or ()):
        raise ValueError("preset")


def _check_numbers(manifest: dict) -> None:
    spacing_mm, thresholds = manifest["pixel_spacing_mm"], manifest["thresholds"]
    if spacing_mm is not None and not 0 < spacing_mm < _COARSEST_MM:
        raise ValueError("pixel spacing")
    if thresholds is not None:
        low, high = thresholds
        if not 0 <= low <= high <= 1:
            raise ValueError("thresholds")


def check_arrays(
    arrays: dict[str, np.ndarray],
    features: int,
    classes: int,
    terms: tuple[ClinicalTerm, ...] = (),
    scanners: tuple[str, ...] = (),
) -> None:
    """Compare every array with the shape that the manifest implies, and with what its numbers mean."""
    shapes = _shapes(arrays, features, classes, terms)
    if scanners:
        of_scanners = (len(scanners), features)
        shapes |= dict(zip(COMBAT, ((features,), (features,), of_scanners, of_scanners), strict=True))
    if set(arrays) != set(shapes) or not 0 < len(arrays["reference_inputs"]) <= _MOST_REFERENCES:
        raise ValueError("arrays")
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float64:
            raise ValueError(name)
        if not (np.abs(arrays[name]) < ABSURD).all():
            raise ValueError(f"{name}: its numbers")
    positive = ("scale", "gamma", "combat_scale", "combat_spread") if scanners else ("scale", "gamma")
    if not all((arrays[name] > 0).all() for name in positive):
        raise ValueError("scale, gamma or spread")
    if (arrays["minimum"] > arrays["maximum"]).any():
        raise ValueError("minimum and maximum")
    if (np.diff(arrays["distances"]) < 0).any() or arrays["distances"][0] < 0:
        raise ValueError("distances")
    if (arrays["precision"] != arrays["precision"].T).any():
        raise ValueError("precision")
    # Raises where a distance could be the root of a negative number.
    np.linalg.cholesky(arrays["precision"])
    for i, term in enumerate(terms):
        column = arrays["reference_clinical"][:, i]
        if term.levels and not np.isin(column, np.arange(len(term.levels))).all():
            raise ValueError("reference_clinical")


def _shapes(
    arrays: dict[str, np.ndarray], features: int, classes: int, terms: tuple[ClinicalTerm, ...]
) -> dict[str, tuple[int, ...]]:
    """Return the shape that each array must have."""
    k, c, machines = features, classes, 1 if classes == 2 else classes
    of_features = ("mean", "scale", "lasso_coef", "minimum", "maximum", "centre")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(of_features, (k,))
    shapes |= {"lasso_intercept": (1,), "gamma": (machines,), "intercept": (machines,), "sigmoid": (machines, 2)}
    shapes |= {"precision": (k, k), "distances": (101,)}
    for i in range(machines):
        vectors = len(arrays[f"support_vectors_{i}"])
        shapes |= {f"support_vectors_{i}": (vectors, k), f"dual_coef_{i}": (vectors,)}
    references = len(arrays["reference_inputs"])
    shapes |= {"reference_inputs": (references, k), "reference_outputs": (references, c)}
    if terms:
        q = len(clinical_terms.columns_of(terms))
        shapes |= {"clinical_intercept": (c - 1,), "clinical_coef": (c - 1, 1 + q)}
        shapes |= {"reference_clinical": (references, len(terms)), "reference_combined": (references, c)}
    return shapes
