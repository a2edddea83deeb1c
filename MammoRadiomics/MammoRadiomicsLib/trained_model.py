"""A trained model in memory, and its application to one patient. numpy only."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import clinical_terms, container, explanation
from . import prevalence as prevalences
from .clinical_terms import ClinicalTerm
from .combat import REFUSE, Combat
from .errors import InputError
from .model_checks import ABSURD, COMBAT, check_arrays, check_manifest
from .presets import Preset

FORMAT = 1
FURTHEST = 3
# By how much the share of a class may differ from that among the rows that calibrated, before it is worth a warning.
_NOTICEABLE = 0.02
# Kernel values that are held at once: a megabyte stays in the cache.
_BLOCK = 2**17


@dataclass(frozen=True)
class Prediction:
    """What a model says of one lesion, with everything that must be said beside it.

    Parameters
    ----------
    outcome : str
        What is predicted, such as ``slnm``.
    probabilities : dict
        Probability of each class as trained, by the combined model where there are clinical terms; they sum to 1.
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
    clinical : dict or None
        ``value`` and ``unit`` of each clinical term by name; None for a model of radiomics alone.
    radiomics_probabilities : dict or None
        Probability of each class as trained, by radiomics alone; None where the others are that already.
    scanner : dict or None
        ``name`` of the scanner or centre, and whether the features were ``harmonised``; None for a model that was
        trained without harmonisation.
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
    clinical: dict[str, dict] | None = None
    radiomics_probabilities: dict[str, float] | None = None
    scanner: dict | None = None

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

    With clinical terms it is a combined model: a logistic regression on them and on the radscore.

    Parameters
    ----------
    manifest : dict
        JSON object; see the properties and :func:`.model_checks.check_manifest`.
    arrays : dict of numpy.ndarray
        float64. For k features, c classes, m machines (1 for two classes, else c): ``mean``, ``scale``, ``lasso_coef``,
        ``minimum``, ``maximum`` of shape (k,), ``lasso_intercept`` (1,), ``gamma`` and ``intercept`` (m,), ``sigmoid``
        (m, 2), ``support_vectors_i`` (n_i, k) and ``dual_coef_i`` (n_i,) for machine i; ``centre`` (k,), ``precision``
        (k, k) and ``distances`` (101,) of :func:`.applicability.reference`; ``reference_inputs`` (r, k), the
        background of :func:`.explanation.background`, and ``reference_outputs`` (r, c). With p clinical terms of q
        columns: ``clinical_intercept`` (c - 1,) and ``clinical_coef`` (c - 1, 1 + q), log-odds of each class against
        the first, the radscore's column before the terms'; ``reference_clinical`` (r, p) with ``reference_combined``
        (r, c). With b harmonised scanners: ``combat_centre``, ``combat_scale`` (k,), ``combat_shift``,
        ``combat_spread`` (b, k) of :class:`.combat.Combat`; everything else is then of harmonised features.
    """

    manifest: dict
    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        check_manifest(self.manifest)
        check_arrays(self.arrays, len(self.feature_names), len(self.classes), self.clinical_terms, self.scanners)

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

    @functools.cached_property
    def clinical_terms(self) -> tuple[ClinicalTerm, ...]:
        """Clinical values that the model needs beside the features; none for a model of radiomics alone."""
        described = self.manifest.get("clinical", {"terms": ()})["terms"]
        return tuple(ClinicalTerm.from_json(each) for each in described)

    @property
    def scanners(self) -> tuple[str, ...]:
        """Scanners or centres that were harmonised, one of which a prediction needs; none without harmonisation."""
        return tuple(self.manifest.get("harmonised", {"scanners": ()})["scanners"])

    @property
    def metrics(self) -> dict:
        """How well :meth:`predict`'s main probabilities did: those of the combined model, where it is one."""
        return self.manifest.get("clinical", self.manifest)["metrics"]

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

    @property
    def shown_prevalence(self) -> dict[str, float]:
        """Share of each class that the main probabilities suit; a combined model is always fitted on real rows."""
        return self.training_prevalence if self.clinical_terms else self.calibrated_prevalence

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
            Shape (n, k), features in the order of `feature_names`, as extracted; see :meth:`harmonised`.

        Returns
        -------
        numpy.ndarray
            Shape (n, c), rows sum to 1.
        """
        return self._probabilities(self._standardised(values))

    def combined_probabilities(self, values: np.ndarray, coded: np.ndarray) -> np.ndarray:
        """Return class probabilities of the combined model.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (n, k), as for :meth:`probabilities`.
        coded : numpy.ndarray
            Shape (n, p), numbers and indices of levels, as :func:`.clinical_terms.read_all` returns them.

        Returns
        -------
        numpy.ndarray
            Shape (n, c), rows sum to 1.
        """
        return self._main(np.hstack([self._standardised(values), coded]))

    def harmonised(
        self, values: np.ndarray, scanners: np.ndarray, unknown: str = REFUSE
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return features as the model takes them, and which rows were left as they were.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (n, k), as extracted.
        scanners : numpy.ndarray
            Shape (n,), text.
        unknown : {"refuse", "leave"}
            What to do with rows of another scanner.

        Returns
        -------
        numpy.ndarray, numpy.ndarray
            See :meth:`.combat.Combat.apply`.
        """
        centre, scale, shift, spread = (self.arrays[name] for name in COMBAT)
        return Combat(self.scanners, centre, scale, shift, spread).apply(values, scanners, unknown)

    def reference_error(self) -> float:
        """Return by how much the model now differs, at most, from what it computed when it was made."""
        arrays = self.arrays
        found = [self.probabilities(arrays["reference_inputs"]) - arrays["reference_outputs"]]
        if self.clinical_terms:
            combined = self.combined_probabilities(arrays["reference_inputs"], arrays["reference_clinical"])
            found.append(combined - arrays["reference_combined"])
        return float(np.abs(found).max())

    def _main(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities of standardised features with the coded clinical terms behind them, (n, k + p)."""
        z, coded = np.split(rows, [len(self.feature_names)], axis=1)
        if not self.clinical_terms:
            return self._probabilities(z)
        radscores = z @ self.arrays["lasso_coef"] + self.arrays["lasso_intercept"]
        columns = np.column_stack([radscores, clinical_terms.expanded(self.clinical_terms, coded)])
        log_odds = self.arrays["clinical_intercept"] + columns @ self.arrays["clinical_coef"].T
        return clinical_terms.class_probabilities(log_odds)

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
        self,
        features: dict,
        *,
        clinical: Mapping[str, object] | None = None,
        spacing_mm: float | None = None,
        prevalence: dict[str, float] | None = None,
        scanner: str | None = None,
        unknown_scanner: str = REFUSE,
    ) -> Prediction:
        """Apply the model to one lesion.

        Parameters
        ----------
        features : dict
            Features by view, ``{"CC": {...}, "MLO": {...}}``, or the features of one view.
        clinical : dict, optional
            Value of each of :attr:`clinical_terms` by name, a number or text.
        spacing_mm : float, optional
            Pixel spacing of the images, to be compared with the training's.
        prevalence : dict, optional
            Share of each class where the model is used; one may be left out (see :func:`.prevalence.complete`).
        scanner : str, optional
            One of :attr:`scanners`, where there are any.
        unknown_scanner : {"refuse", "leave"}
            What to do with features of another scanner, or of one that is not known.

        Raises
        ------
        InputError
            When a view, a feature or a clinical value is missing or makes no sense, the prevalence makes none, or the
            scanner is none of the model's and not to be left.
        """
        by_view, local = _by_view(features), self._complete(prevalence)
        coded = clinical_terms.read_all(self.clinical_terms, clinical or {}, self.outcome)
        values = self._join(by_view, scanner, unknown_scanner)
        z = self._standardised(values)
        row = np.concatenate([z, coded])
        shares = dict(zip(self.feature_names, (z * self.arrays["lasso_coef"]).tolist(), strict=True))
        as_trained = self._named(self._shifted(row[np.newaxis], None))
        at_local = self._named(self._shifted(row[np.newaxis], local)) if local else None
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
            warnings=self._warnings(applicability, set(by_view) - {""}, spacing_mm)
            + self._warning_of_scanner(scanner)
            + clinical_terms.beyond(self.clinical_terms, coded),
            clinical=self._understood(coded) if self.clinical_terms else None,
            radiomics_probabilities=self._named(self._probabilities(z[np.newaxis])) if self.clinical_terms else None,
            scanner={"name": scanner or "", "harmonised": scanner in self.scanners} if self.scanners else None,
        )

    def _understood(self, coded: np.ndarray) -> dict[str, dict]:
        return {
            term.name: {"value": term.shown(value), "unit": term.unit}
            for term, value in zip(self.clinical_terms, coded.tolist(), strict=True)
        }

    def explain(
        self,
        features: dict,
        *,
        clinical: Mapping[str, object] | None = None,
        prevalence: dict[str, float] | None = None,
        scanner: str | None = None,
        unknown_scanner: str = REFUSE,
        pairs: int = explanation.PAIRS,
    ) -> dict:
        """Say what moved the probabilities away from the model's mean: interventional Shapley values.

        Those of a combined model are explained by features and clinical terms alike.

        Parameters
        ----------
        features, clinical, prevalence, scanner, unknown_scanner
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
        coded = clinical_terms.read_all(self.clinical_terms, clinical or {}, self.outcome)
        row = np.concatenate([self._standardised(self._join(_by_view(features), scanner, unknown_scanner)), coded])
        references = self._standardised(self.arrays["reference_inputs"])
        if self.clinical_terms:
            references = np.hstack([references, self.arrays["reference_clinical"]])
        found = explanation.shapley(lambda rows: self._shifted(rows, local)[:, first:], row, references, pairs)
        errors = None if found.errors is None else self._of_features(self.classes[first:], found.errors)
        sampled = errors is not None
        return {
            "of": "local_probabilities" if local else "probabilities",
            "method": "sampled" if sampled else "exact",
            "pairs": pairs if sampled else None,
            "base": dict(zip(self.classes[first:], found.base.tolist(), strict=True)),
            "values": self._of_features(self.classes[first:], found.values),
            "errors": errors,
        }

    def _complete(self, prevalence: dict[str, float] | None) -> dict[str, float] | None:
        return prevalences.complete(prevalence, self.classes) if prevalence is not None else None

    def _of_features(self, classes: tuple[str, ...], numbers: np.ndarray) -> dict[str, dict[str, float]]:
        """Name numbers (k, classes) by class and feature, largest first."""
        names = (*self.feature_names, *(term.name for term in self.clinical_terms))
        by_class = zip(classes, numbers.T.tolist(), strict=True)
        return {name: _largest_first(dict(zip(names, column, strict=True))) for name, column in by_class}

    def _shifted(self, rows: np.ndarray, local: dict[str, float] | None) -> np.ndarray:
        """Class probabilities of the rows of :meth:`_main`, for the local prevalence where there is one; (n, c)."""
        found = self._main(rows)
        return prevalences.shifted(found, self.shown_prevalence, local) if local else found

    def _named(self, probabilities: np.ndarray) -> dict[str, float]:
        """Name the probabilities of one row, shape (1, c)."""
        return dict(zip(self.classes, probabilities[0].tolist(), strict=True))

    def _join(self, by_view: dict[str, dict[str, float]], scanner: str | None, unknown_scanner: str) -> np.ndarray:
        """Return one row in the order of `feature_names`, shape (k,), harmonised where the model asks for it."""
        if self.views in ("CC", "MLO"):
            by_view = {self.views: by_view.get(self.views) or by_view.get("") or {}}
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
        values = self._of_scanner(values, scanner, unknown_scanner)
        with np.errstate(over="ignore"):
            usable = np.abs(self._standardised(values)) < ABSURD
        if not usable.all():
            name = self.feature_names[int(np.flatnonzero(~usable)[0])]
            raise InputError(
                f"The feature {name} is not a finite number, or too large to be one's; the {self.outcome} model cannot "
                "be applied. Check image and outline, or correct the table."
            )
        return values

    def _of_scanner(self, values: np.ndarray, scanner: str | None, unknown: str) -> np.ndarray:
        """Harmonise one row, or refuse to."""
        self.check_scanner(scanner, unknown)
        if not self.scanners:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            return self.harmonised(values[np.newaxis], np.array([scanner or ""]), unknown)[0][0]

    def check_scanner(self, scanner: str | None, unknown: str = REFUSE) -> None:
        """Raise InputError where :meth:`predict` would refuse the scanner."""
        if scanner and not self.scanners:
            raise InputError(f"The {self.outcome} model knows no scanners: it was not harmonised. Give none.")
        if self.scanners and scanner not in self.scanners and unknown == REFUSE:
            which = f"{scanner!r} is none of them" if scanner else "none was given"
            raise InputError(
                f"The {self.outcome} model was harmonised for the scanners or centres {', '.join(self.scanners)}; "
                f"{which}. Give one (scanner), or have the features left as they are (unknown-scanner: leave)."
            )

    def _warning_of_scanner(self, scanner: str | None) -> list[str]:
        if not self.scanners or scanner in self.scanners:
            return []
        return [
            f"Not harmonised: the scanner or centre {repr(scanner) if scanner else '(not named)'} is none of "
            f"{', '.join(self.scanners)}. Nothing is known of how well the model does on it."
        ]

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
        trained, calibrated = self.training_prevalence, self.calibrated_prevalence
        if max(abs(calibrated[name] - trained[name]) for name in self.classes) > _NOTICEABLE:
            which, remedy = "The model", " A local prevalence sets them right."
            if self.clinical_terms:
                which, remedy = "Radiomics alone", ""
            warnings.append(
                f"{which} was calibrated on classes made equally frequent: its probabilities as trained are too high "
                f"for rare classes.{remedy}"
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
