"""A trained model in memory, and its application to one patient. numpy only."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from dataclasses import dataclass

import numpy as np

from . import container, explanation
from . import prevalence as prevalences
from .errors import InputError
from .presets import Preset
from .settings import PURPOSES, VIEWS

FORMAT = 1
FURTHEST = 3
# No number of a model, and no feature in SDs, is so large; products of larger ones could overflow.
_ABSURD = 1e100
_ABSURD_SETTING, _FINEST_MM, _COARSEST_MM, _MOST_LESIONS = 1e6, 0.01, 1e3, 2**31
# Kernel values that are held at once: a megabyte stays in the cache.
_BLOCK = 2**17
_MOST_REFERENCES = 32
_FACTS = ("outcome", "classes", "views", "view_names", "purpose", "preset", "pixel_spacing_mm", "feature_names")
_MANIFEST_KEYS = frozenset((*_FACTS, "format", "thresholds", "training", "metrics", "versions", "card"))


@dataclass(frozen=True)
class Prediction:
    """What a model says of one lesion, with everything that must be said beside it.

    Parameters
    ----------
    outcome : str
        What is predicted, such as ``slnm``.
    probabilities : dict
        Probability of each class as trained; they sum to 1.
    local_probabilities : dict or None
        The same for the local prevalence; None where none was given.
    prevalence : dict
        ``training``, share of each class in training; ``local``, as given, or None.
    radscore : float
        Sum of the LASSO's coefficients times the standardised features, plus its intercept.
    band : str or None
        ``low``, ``intermediate`` or ``high`` by the model's two thresholds and :attr:`shown`; None where it has none,
        and always for a demonstration model.
    contributions : dict
        Each feature's share of the radscore (they add up to it, less the intercept), largest first.
    applicability : dict
        ``distance`` from the training lesions, its ``percentile`` among theirs when held out, the ``limit`` (the 99th
        percentile), ``beyond`` it or not, the ``furthest`` features in training SDs from the mean, and how many lie
        ``outside`` the training range.
    warnings : list of str
        Why this number may not be trusted.
    """

    outcome: str
    probabilities: dict[str, float]
    local_probabilities: dict[str, float] | None
    prevalence: dict[str, dict[str, float] | None]
    radscore: float
    band: str | None
    contributions: dict[str, float]
    applicability: dict
    warnings: list[str]

    @property
    def shown(self) -> dict[str, float]:
        """The probabilities for the local prevalence where there is one, else as trained."""
        return self.local_probabilities or self.probabilities

    def to_json(self) -> dict:
        """Return the prediction as a JSON object; numbers keep every digit."""
        return dict(vars(self))


@dataclass(frozen=True)
class Model:
    """A LASSO-SVM: scaler, LASSO coefficients, one or more calibrated support vector machines.

    Parameters
    ----------
    manifest : dict
        JSON object; see the properties and ``_MANIFEST_KEYS``.
    arrays : dict of numpy.ndarray
        float64. For k features, c classes, m machines (1 for two classes, else c): ``mean``, ``scale``, ``lasso_coef``,
        ``minimum``, ``maximum`` of shape (k,), ``lasso_intercept`` (1,), ``gamma`` and ``intercept`` (m,), ``sigmoid``
        (m, 2), ``support_vectors_i`` (n_i, k) and ``dual_coef_i`` (n_i,) for machine i; ``centre`` (k,), ``precision``
        (k, k) and ``distances`` (101,) of :func:`.applicability.reference`; ``reference_inputs`` (r, k), the
        background of :func:`.explanation.background`, and ``reference_outputs`` (r, c).
    """

    manifest: dict
    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        _check_manifest(self.manifest)
        _check_arrays(self)

    @property
    def outcome(self) -> str:
        """What the model predicts, such as ``slnm``."""
        return self.manifest["outcome"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the outcome; of two, the second is the positive one."""
        return tuple(self.manifest["classes"])

    @property
    def views(self) -> str:
        """How views are joined: mean, concat, CC or MLO."""
        return self.manifest["views"]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns that the model needs; ``CC/`` or ``MLO/`` in front where views stand side by side."""
        return tuple(self.manifest["feature_names"])

    @property
    def image_feature_names(self) -> tuple[str, ...]:
        """Features to extract from a view for this model, without the names of views."""
        return tuple(dict.fromkeys(name.rpartition("/")[2] for name in self.feature_names))

    @functools.cached_property
    def preset(self) -> Preset:
        """Preset with which features must be extracted."""
        return Preset.from_json(self.manifest["preset"])

    @property
    def purpose(self) -> str:
        """``research`` or ``demonstration``."""
        return self.manifest["purpose"]

    @property
    def card(self) -> str:
        """The model in plain words."""
        return self.manifest["card"]

    @property
    def machines(self) -> int:
        """Number of support vector machines."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def training_prevalence(self) -> dict[str, float]:
        """Share of each class among the lesions of the training."""
        counts = self.manifest["training"]["counts"]
        return {name: counts[name] / sum(counts.values()) for name in self.classes}

    @property
    def calibrated_prevalence(self) -> dict[str, float]:
        """Share of each class among the rows that calibrated the probabilities; the study made them equally many."""
        return self.manifest["training"].get("calibrated_prevalence") or self.training_prevalence

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over manifest and arrays: the same model has the same digest wherever it is kept."""
        content = hashlib.sha256(json.dumps(self.manifest, sort_keys=True, allow_nan=False).encode())
        for name, array in sorted(self.arrays.items()):
            content.update(f"{name} {array.shape}".encode())
            content.update(np.ascontiguousarray(array, "<f8").tobytes())
        return content.hexdigest()

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Return class probabilities.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (n, k), features in the order of `feature_names`, as extracted.

        Returns
        -------
        numpy.ndarray
            Shape (n, c), rows sum to 1.
        """
        return self._probabilities(self._standardised(values))

    def _standardised(self, values: np.ndarray) -> np.ndarray:
        return (values - self.arrays["mean"]) / self.arrays["scale"]

    def _probabilities(self, z: np.ndarray) -> np.ndarray:
        positive = np.column_stack([self._machine(i, z) for i in range(self.machines)])
        if self.machines == 1:
            return np.column_stack([1 - positive[:, 0], positive[:, 0]])
        return positive / positive.sum(axis=1, keepdims=True)

    def _machine(self, i: int, z: np.ndarray) -> np.ndarray:
        """Platt's sigmoid of the decision function of an RBF support vector machine; shape (n,)."""
        vectors = self.arrays[f"support_vectors_{i}"]
        lengths = (vectors**2).sum(axis=1)
        decision = np.empty(len(z))
        step = max(1, _BLOCK // max(1, len(vectors)))
        for start in range(0, len(z), step):
            rows = z[start : start + step]
            # |z - v|^2 as |z|^2 - 2 zv + |v|^2, in place: a product of matrices and one exponential for each pair.
            kernel = rows @ (-2 * vectors.T)
            kernel += (rows**2).sum(axis=1)[:, None]
            kernel += lengths
            kernel *= -self.arrays["gamma"][i]
            np.exp(kernel, out=kernel)
            decision[start : start + step] = kernel @ self.arrays[f"dual_coef_{i}"]
        slope, offset = self.arrays["sigmoid"][i]
        return 1 / (1 + np.exp(np.clip(slope * (decision + self.arrays["intercept"][i]) + offset, -700, 700)))

    def predict(
        self, features: dict, *, spacing_mm: float | None = None, prevalence: dict[str, float] | None = None
    ) -> Prediction:
        """Apply the model to one lesion.

        Parameters
        ----------
        features : dict
            Features by view, ``{"CC": {...}, "MLO": {...}}``, or the features of one view.
        spacing_mm : float, optional
            Pixel spacing of the images, to be compared with the training's.
        prevalence : dict, optional
            Share of each class where the model is used; one may be left out (see :func:`.prevalence.complete`).

        Raises
        ------
        InputError
            When a view or a feature is missing, a feature is not finite, or the prevalence makes no sense.
        """
        by_view, local = _by_view(features), self._complete(prevalence)
        values = self._join(by_view)
        z = self._standardised(values)
        shares = dict(zip(self.feature_names, (z * self.arrays["lasso_coef"]).tolist(), strict=True))
        as_trained = self._named_probabilities(z, None)
        at_local = self._named_probabilities(z, local) if local else None
        applicability = self._applicability(values, z)
        return Prediction(
            outcome=self.outcome,
            probabilities=as_trained,
            local_probabilities=at_local,
            prevalence={"training": self.training_prevalence, "local": local},
            radscore=float(sum(shares.values()) + self.arrays["lasso_intercept"][0]),
            band=self._band((at_local or as_trained)[self.classes[-1]]),
            contributions=_largest_first(shares),
            applicability=applicability,
            warnings=self._warnings(applicability, set(by_view) - {""}, spacing_mm),
        )

    def explain(
        self, features: dict, *, prevalence: dict[str, float] | None = None, pairs: int = explanation.PAIRS
    ) -> dict:
        """Say what moved the probabilities away from the model's mean: interventional Shapley values.

        Parameters
        ----------
        features, prevalence
            As for :meth:`predict`; with a local prevalence the probabilities for it are explained.
        pairs : int
            Random orders of features, where there are too many for enumeration.

        Returns
        -------
        dict
            ``of`` (the key of the explained probabilities in a prediction), ``method`` (exact or sampled), ``pairs``,
            and by class (of two, the second): ``base``, the mean probability of the background; ``values``, each
            feature's, largest first, which add up to the probability less the base; ``errors``, their standard errors,
            or None.
        """
        local, first = self._complete(prevalence), 1 if self.machines == 1 else 0
        z = self._standardised(self._join(_by_view(features)))
        references = self._standardised(self.arrays["reference_inputs"])
        found = explanation.shapley(lambda rows: self._shifted(rows, local)[:, first:], z, references, pairs)
        sampled = found.errors is not None
        return {
            "of": "local_probabilities" if local else "probabilities",
            "method": "sampled" if sampled else "exact",
            "pairs": pairs if sampled else None,
            "base": dict(zip(self.classes[first:], found.base.tolist(), strict=True)),
            "values": self._of_features(self.classes[first:], found.values),
            "errors": self._of_features(self.classes[first:], found.errors) if sampled else None,
        }

    def _complete(self, prevalence: dict[str, float] | None) -> dict[str, float] | None:
        return prevalences.complete(prevalence, self.classes) if prevalence is not None else None

    def _of_features(self, classes: tuple[str, ...], numbers: np.ndarray) -> dict[str, dict[str, float]]:
        """Name numbers (k, classes) by class and feature, largest first."""
        by_class = zip(classes, numbers.T.tolist(), strict=True)
        return {name: _largest_first(dict(zip(self.feature_names, column, strict=True))) for name, column in by_class}

    def _shifted(self, z: np.ndarray, local: dict[str, float] | None) -> np.ndarray:
        """Class probabilities of standardised rows, for the local prevalence where there is one; shape (n, c)."""
        found = self._probabilities(z)
        return prevalences.shifted(found, self.calibrated_prevalence, local) if local else found

    def _named_probabilities(self, z: np.ndarray, local: dict[str, float] | None) -> dict[str, float]:
        return dict(zip(self.classes, self._shifted(z[np.newaxis], local)[0].tolist(), strict=True))

    def _join(self, by_view: dict[str, dict[str, float]]) -> np.ndarray:
        """Return one row in the order of `feature_names`, shape (k,)."""
        if self.views in ("CC", "MLO"):
            by_view = {self.views: by_view.get(self.views) or by_view.get("")}
        if self.views == "concat":
            rows = [{f"{view}/{name}": value for view in by_view for name, value in (by_view[view] or {}).items()}]
        else:
            rows = [row or {} for row in by_view.values()]
        missing = [name for name in self.feature_names if any(name not in row for row in rows)]
        if missing:
            raise InputError(
                f"The {self.outcome} model needs {len(missing)} features that are not there, the first {missing[0]}. "
                f"Extract them with the preset {self.preset.name}; views: {', '.join(self.manifest['view_names'])}."
            )
        values = np.array([[row[name] for name in self.feature_names] for row in rows], dtype=float).mean(axis=0)
        with np.errstate(over="ignore"):
            usable = np.abs(self._standardised(values)) < _ABSURD
        if not usable.all():
            name = self.feature_names[int(np.flatnonzero(~usable)[0])]
            raise InputError(
                f"The feature {name} is not a finite number, or too large to be one's; the {self.outcome} model cannot "
                "be applied."
            )
        return values

    def _applicability(self, values: np.ndarray, z: np.ndarray) -> dict:
        """Compare a lesion with those of the training; see :class:`Prediction`."""
        offset, distances = z - self.arrays["centre"], self.arrays["distances"]
        distance = float(np.sqrt(offset @ self.arrays["precision"] @ offset))
        furthest = np.argsort(-np.abs(z))[:FURTHEST]
        outside = (values < self.arrays["minimum"]) | (values > self.arrays["maximum"])
        return {
            "distance": distance,
            "percentile": float(np.interp(distance, distances, np.arange(101))),
            "limit": float(distances[99]),
            "beyond": bool(distance > distances[99]),
            "furthest": {self.feature_names[i]: float(z[i]) for i in furthest},
            "outside": int(outside.sum()),
        }

    def _band(self, probability: float) -> str | None:
        if self.purpose == "demonstration" or not self.manifest["thresholds"]:
            return None
        low, high = self.manifest["thresholds"]
        return "low" if probability < low else "high" if probability > high else "intermediate"

    def _warnings(self, applicability: dict, views: set[str], spacing_mm: float | None) -> list[str]:
        warnings = []
        if self.purpose == "demonstration":
            warnings.append(
                "Demonstration model, trained on synthetic images: its numbers say nothing about a patient."
            )
        missing = sorted(set(self.manifest["view_names"]) - views - {""}) if views else []
        if self.views == "mean" and missing:
            warnings.append(f"The model was trained on the mean of {' and '.join(self.manifest['view_names'])}; "
                            f"{' and '.join(missing)} is missing here.")  # fmt: skip
        if applicability["beyond"]:
            furthest = ", ".join(f"{name} ({z:+.1f} SD)" for name, z in applicability["furthest"].items())
            warnings.append(
                "This lesion is unlike those of the training: its distance from them is "
                f"{applicability['distance']:.3g}; 99% of them, when held out, lie within "
                f"{applicability['limit']:.3g}. Furthest: {furthest}."
            )
        trained = self.manifest["pixel_spacing_mm"]
        if spacing_mm and trained and not self.preset.resamples and not np.isclose(spacing_mm, trained, rtol=0.01):
            warnings.append(f"Pixels of {spacing_mm:g} mm here, {trained:g} mm in training, and no resampling between.")
        return warnings

    @property
    def sealed(self) -> dict:
        """The manifest with the digest, as it is written."""
        return {**self.manifest, "sha256": self.digest}

    def to_text(self) -> str:
        """Return the model as JSON text for a text node of a scene: the manifest and base64 of the arrays."""
        arrays = base64.b64encode(container.pack_arrays(self.arrays)).decode("ascii")
        return json.dumps({"manifest": self.sealed, "arrays": arrays}, indent=1)


def _by_view(features: dict) -> dict[str, dict[str, float]]:
    """Features by view; those of one view stand under the empty name."""
    return features if features and all(isinstance(each, dict) for each in features.values()) else {"": features}


def _largest_first(numbers: dict[str, float]) -> dict[str, float]:
    return dict(sorted(numbers.items(), key=lambda item: -abs(item[1])))


def _check_manifest(manifest: dict) -> None:
    """Refuse a manifest that applying the model, or saying what it is, would stumble over."""
    if set(manifest) != _MANIFEST_KEYS:
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


def _check_preset(described: dict) -> None:
    """Refuse a preset whose numbers would keep the extraction of features busy for ever."""
    settings = Preset.from_json(described).settings
    waiting = [described]
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


def _check_arrays(model: Model) -> None:
    """Compare every array with the shape that the manifest implies, and with what its numbers mean."""
    k, c, m = len(model.feature_names), len(model.classes), model.machines
    arrays = model.arrays
    of_features = ("mean", "scale", "lasso_coef", "minimum", "maximum", "centre")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(of_features, (k,))
    shapes |= {"lasso_intercept": (1,), "gamma": (m,), "intercept": (m,), "sigmoid": (m, 2)}
    shapes |= {"precision": (k, k), "distances": (101,)}
    for i in range(m):
        vectors = len(arrays[f"support_vectors_{i}"])
        shapes |= {f"support_vectors_{i}": (vectors, k), f"dual_coef_{i}": (vectors,)}
    references = len(arrays["reference_inputs"])
    shapes |= {"reference_inputs": (references, k), "reference_outputs": (references, c)}
    if set(arrays) != set(shapes) or not 0 < references <= _MOST_REFERENCES:
        raise ValueError("arrays")
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float64:
            raise ValueError(name)
        if not (np.abs(arrays[name]) < _ABSURD).all():
            raise ValueError(f"{name}: its numbers")
    if not ((arrays["scale"] > 0).all() and (arrays["gamma"] > 0).all()):
        raise ValueError("scale or gamma")
    if (arrays["minimum"] > arrays["maximum"]).any():
        raise ValueError("minimum and maximum")
    if (np.diff(arrays["distances"]) < 0).any() or arrays["distances"][0] < 0:
        raise ValueError("distances")
    if (arrays["precision"] != arrays["precision"].T).any():
        raise ValueError("precision")
    # Raises where a distance could be the root of a negative number.
    np.linalg.cholesky(arrays["precision"])
