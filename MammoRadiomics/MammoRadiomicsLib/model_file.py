"""Trained models as files and as text, and their application to one patient. numpy only, and nothing is executed.

A ``.mammomodel`` is a zip of ``manifest.json`` (what the model is) and ``arrays.npz`` (its float64 numbers, no pickle).
On reading, sizes are bounded, the hash is compared, every shape is checked against the manifest, and the
model must reproduce its own reference outputs. The hash detects damage, not forgery.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError, ModelFileError
from .files import write_atomically
from .presets import Preset

FORMAT = 1
SUFFIX = ".mammomodel"
REFERENCE_TOLERANCE = 1e-9
_MANIFEST, _ARRAYS = "manifest.json", "arrays.npz"
_LARGEST_MEMBER = 64 * 2**20
# What reading damaged bytes raises, in a zip file and in the arrays within.
_UNREADABLE = (OSError, ValueError, MemoryError, zipfile.BadZipFile)
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
        Probability of each class; they sum to 1.
    radscore : float
        Sum of the LASSO's coefficients times the standardised features, plus its intercept.
    band : str or None
        ``low``, ``intermediate`` or ``high`` by the model's two thresholds; None where it has none, and always for a
        demonstration model.
    contributions : dict
        Each feature's share of the radscore (they add up to it, less the intercept), largest first.
    warnings : list of str
        Why this number may not be trusted.
    """

    outcome: str
    probabilities: dict[str, float]
    radscore: float
    band: str | None
    contributions: dict[str, float]
    warnings: list[str]

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
        (m, 2), ``support_vectors_i`` (n_i, k) and ``dual_coef_i`` (n_i,) for machine i, ``reference_inputs`` (r, k) and
        ``reference_outputs`` (r, c).
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
    def digest(self) -> str:
        """SHA-256 over manifest and arrays: the same model has the same digest wherever it is kept."""
        return _digest(self.manifest, _arrays_bytes(self.arrays))

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
        z = self._standardised(values)
        positive = np.column_stack([self._machine(i, z) for i in range(self.machines)])
        if self.machines == 1:
            return np.column_stack([1 - positive[:, 0], positive[:, 0]])
        return positive / positive.sum(axis=1, keepdims=True)

    def _standardised(self, values: np.ndarray) -> np.ndarray:
        return (values - self.arrays["mean"]) / self.arrays["scale"]

    def _machine(self, i: int, z: np.ndarray) -> np.ndarray:
        """Platt's sigmoid of the decision function of an RBF support vector machine; shape (n,)."""
        vectors = self.arrays[f"support_vectors_{i}"]
        squared = ((z[:, None, :] - vectors[None, :, :]) ** 2).sum(axis=2)
        kernel = np.exp(-self.arrays["gamma"][i] * squared)
        decision = kernel @ self.arrays[f"dual_coef_{i}"] + self.arrays["intercept"][i]
        slope, offset = self.arrays["sigmoid"][i]
        return 1 / (1 + np.exp(np.clip(slope * decision + offset, -700, 700)))

    def predict(self, features: dict, *, spacing_mm: float | None = None) -> Prediction:
        """Apply the model to one lesion.

        Parameters
        ----------
        features : dict
            Features by view, ``{"CC": {...}, "MLO": {...}}``, or the features of one view.
        spacing_mm : float, optional
            Pixel spacing of the images, to be compared with the training's.

        Raises
        ------
        InputError
            When a view or a feature is missing, or a feature is not finite.
        """
        by_view = features if features and all(isinstance(v, dict) for v in features.values()) else {"": features}
        values = self._join(by_view)
        z = self._standardised(values)
        shares = dict(zip(self.feature_names, (z * self.arrays["lasso_coef"]).tolist(), strict=True))
        probabilities = self.probabilities(values[np.newaxis])[0].tolist()
        return Prediction(
            outcome=self.outcome,
            probabilities=dict(zip(self.classes, probabilities, strict=True)),
            radscore=float(sum(shares.values()) + self.arrays["lasso_intercept"][0]),
            band=self._band(probabilities[-1]),
            contributions=dict(sorted(shares.items(), key=lambda item: -abs(item[1]))),
            warnings=self._warnings(values, set(by_view) - {""}, spacing_mm),
        )

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
        if not np.isfinite(values).all():
            name = self.feature_names[int(np.flatnonzero(~np.isfinite(values))[0])]
            raise InputError(f"The feature {name} is not a finite number; the {self.outcome} model cannot be applied.")
        return values

    def _band(self, probability: float) -> str | None:
        if self.purpose == "demonstration" or not self.manifest["thresholds"]:
            return None
        low, high = self.manifest["thresholds"]
        return "low" if probability < low else "high" if probability > high else "intermediate"

    def _warnings(self, values: np.ndarray, views: set[str], spacing_mm: float | None) -> list[str]:
        warnings = []
        if self.purpose == "demonstration":
            warnings.append(
                "Demonstration model, trained on synthetic images: its numbers say nothing about a patient."
            )
        missing = sorted(set(self.manifest["view_names"]) - views - {""}) if views else []
        if self.views == "mean" and missing:
            warnings.append(f"The model was trained on the mean of {' and '.join(self.manifest['view_names'])}; "
                            f"{' and '.join(missing)} is missing here.")  # fmt: skip
        outside = (values < self.arrays["minimum"]) | (values > self.arrays["maximum"])
        if outside.any():
            beyond = np.maximum(self.arrays["minimum"] - values, values - self.arrays["maximum"]) / self.arrays["scale"]
            warnings.append(f"{outside.sum()} of {len(values)} features lie outside the range seen in training, "
                            f"the furthest {self.feature_names[int(beyond.argmax())]}.")  # fmt: skip
        trained = self.manifest["pixel_spacing_mm"]
        if spacing_mm and trained and not self.preset.resamples and not np.isclose(spacing_mm, trained, rtol=0.01):
            warnings.append(f"Pixels of {spacing_mm:g} mm here, {trained:g} mm in training, and no resampling between.")
        return warnings

    def to_text(self) -> str:
        """Return the model as JSON text for a text node of a scene: the manifest and base64 of the arrays."""
        arrays = base64.b64encode(_arrays_bytes(self.arrays)).decode("ascii")
        return json.dumps({"manifest": _sealed(self), "arrays": arrays}, indent=1)


def from_text(text: str) -> Model:
    """Read what :meth:`Model.to_text` wrote, with the checks of :func:`load`."""
    try:
        content = json.loads(text)
        manifest, arrays = content["manifest"], base64.b64decode(content["arrays"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError("The text holds no model, or a damaged one. Load the model file again.") from error
    return _verified(manifest, arrays, "the scene's model")


def save(model: Model, path: str | Path) -> Path:
    """Write a model file, whole or not at all, and return its path."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in ((_MANIFEST, _manifest_bytes(_sealed(model))), (_ARRAYS, _arrays_bytes(model.arrays))):
            # A fixed date makes equal models equal files.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, data, compress_type=zipfile.ZIP_DEFLATED)
    write_atomically(path, content.getvalue())
    return Path(path)


def load(path: str | Path) -> Model:
    """Read and verify a model file.

    Raises
    ------
    ModelFileError
        When the file is missing, damaged, of another format, or does not reproduce its reference outputs.
    """
    path = Path(path)
    name = f"the model file {path.name}"
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != [_ARRAYS, _MANIFEST]:
                raise _damaged(name, "it should hold a manifest and arrays, and nothing else")
            if any(entry.file_size > _LARGEST_MEMBER for entry in entries):
                raise _damaged(name, "its content is too large")
            manifest = json.loads(archive.read(_MANIFEST))
            arrays = archive.read(_ARRAYS)
    except FileNotFoundError as error:
        raise ModelFileError(f"There is no file {path}. Check the path of the model.") from error
    except (*_UNREADABLE, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise _damaged(name, "it cannot be unpacked") from error
    return _verified(manifest, arrays, name)


def _damaged(name: str, reason: str) -> ModelFileError:
    return ModelFileError(f"{name[0].upper()}{name[1:]} is damaged or no model: {reason}. Get a fresh copy.")


def _sealed(model: Model) -> dict:
    return {**model.manifest, "sha256": model.digest}


def _digest(manifest: dict, arrays: bytes) -> str:
    return hashlib.sha256(_manifest_bytes(manifest) + arrays).hexdigest()


def _manifest_bytes(manifest: dict) -> bytes:
    return json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False).encode("utf-8")


def _arrays_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **{name: arrays[name] for name in sorted(arrays)})
    return content.getvalue()


def _verified(manifest: dict, arrays: bytes, name: str) -> Model:
    """Build a model from untrusted content and let it prove that it computes what it computed when it was saved."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise ModelFileError(f"{name[0].upper()}{name[1:]} has format {found}; this version reads {FORMAT}. Update it.")
    manifest = dict(manifest)
    try:
        seal = manifest.pop("sha256", None)
        if seal != _digest(manifest, arrays):
            raise _damaged(name, "its content does not match its hash")
        model = Model(manifest, _read_arrays(arrays))
    except (*_UNREADABLE, LookupError, TypeError, AttributeError, InputError) as error:
        raise _damaged(name, "its content is not a model's") from error
    expected = model.arrays["reference_outputs"]
    difference = np.abs(model.probabilities(model.arrays["reference_inputs"]) - expected).max()
    if not difference <= REFERENCE_TOLERANCE:
        raise _damaged(name, f"its reference outputs differ by {difference:.2g}")
    return model


def _read_arrays(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_MEMBER:
            raise ValueError("arrays too large")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("arrays are not stored as they were written")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _check_manifest(manifest: dict) -> None:
    if set(manifest) != _MANIFEST_KEYS:
        raise ValueError(f"manifest keys {sorted(set(manifest) ^ _MANIFEST_KEYS)}")
    for key in ("classes", "feature_names", "view_names"):
        if not all(isinstance(item, str) for item in manifest[key]) or len(set(manifest[key])) < len(manifest[key]):
            raise ValueError(key)
    if len(manifest["classes"]) < 2 or not manifest["feature_names"]:
        raise ValueError("classes or features")
    if any(not isinstance(manifest[key], str) for key in ("outcome", "views", "purpose", "card")):
        raise ValueError("text")
    if manifest["thresholds"] is not None:
        low, high = manifest["thresholds"]
        if not 0 <= low <= high <= 1:
            raise ValueError("thresholds")


def _check_arrays(model: Model) -> None:
    """Compare every array with the shape that the manifest implies."""
    k, c, m = len(model.feature_names), len(model.classes), model.machines
    arrays = model.arrays
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("mean", "scale", "lasso_coef", "minimum", "maximum"), (k,))
    shapes |= {"lasso_intercept": (1,), "gamma": (m,), "intercept": (m,), "sigmoid": (m, 2)}
    for i in range(m):
        vectors = len(arrays[f"support_vectors_{i}"])
        shapes |= {f"support_vectors_{i}": (vectors, k), f"dual_coef_{i}": (vectors,)}
    references = len(arrays["reference_inputs"])
    shapes |= {"reference_inputs": (references, k), "reference_outputs": (references, c)}
    if set(arrays) != set(shapes) or references == 0:
        raise ValueError("arrays")
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float64 or not np.isfinite(arrays[name]).all():
            raise ValueError(name)
    if not (arrays["scale"] > 0).all():
        raise ValueError("scale")
