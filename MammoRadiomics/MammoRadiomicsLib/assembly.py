"""From fitted estimators to a model: its numbers, its manifest and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import __version__, model_file, presets
from .lesions import Lesions
from .settings import TrainingSettings

DEMONSTRATION_NOTE = "DEMONSTRATION: trained on synthetic images; its numbers say nothing about patients."

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV


def probabilities(fitted: list[CalibratedClassifierCV], values: np.ndarray) -> np.ndarray:
    """Return class probabilities, shape (n, classes), as :meth:`.model_file.Model.probabilities` defines them."""
    if len(fitted) == 1:
        return fitted[0].predict_proba(values)
    positive = np.column_stack([machine.predict_proba(values)[:, 1] for machine in fitted])
    return positive / positive.sum(axis=1, keepdims=True)


def assemble(fitted: list[CalibratedClassifierCV], data: Lesions, manifest: dict) -> model_file.Model:
    """Take the numbers out of the fitted estimators, and let the manifest say what they are."""
    calibrated = [machine.calibrated_classifiers_[0] for machine in fitted]
    first = calibrated[0].estimator
    columns = first.selected_
    values = data.values[:, columns]
    inputs = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    padded = np.zeros((len(inputs), data.values.shape[1]))
    padded[:, columns] = inputs
    arrays = {
        "mean": first.mean_[columns],
        "scale": first.scale_[columns],
        "lasso_coef": first.lasso_coef_,
        "lasso_intercept": np.array([first.lasso_intercept_]),
        "minimum": values.min(axis=0),
        "maximum": values.max(axis=0),
        "gamma": np.array([each.estimator.svc_.gamma for each in calibrated]),
        "intercept": np.array([each.estimator.svc_.intercept_[0] for each in calibrated]),
        "sigmoid": np.array([[each.calibrators[0].a_, each.calibrators[0].b_] for each in calibrated]),
        "reference_inputs": inputs,
        "reference_outputs": probabilities(fitted, padded),
    }
    for i, each in enumerate(calibrated):
        arrays[f"support_vectors_{i}"] = each.estimator.svc_.support_vectors_
        arrays[f"dual_coef_{i}"] = each.estimator.svc_.dual_coef_[0]
    manifest["feature_names"] = [data.names[column] for column in columns]
    manifest["training"]["alpha"] = first.alpha_
    vectors = sum(len(each.estimator.svc_.support_vectors_) for each in calibrated)
    manifest["card"] = _card(manifest, vectors)
    return model_file.Model(manifest, {name: np.array(array, dtype=float) for name, array in arrays.items()})


def manifest_of(data: Lesions, preset: presets.Preset, settings: TrainingSettings) -> dict:
    counts = np.bincount(data.target, minlength=len(data.classes))
    return {
        "format": model_file.FORMAT,
        "classes": list(data.classes),
        "views": settings.views,
        "view_names": list(data.views),
        "purpose": settings.purpose,
        "preset": preset.to_json(),
        "training": {
            "lesions": len(data.target),
            "patients": len(np.unique(data.patients)),
            "excluded_lesions": data.excluded,
            "counts": dict(zip(data.classes, counts.tolist(), strict=True)),
            "columns_offered": len(data.names),
            "settings": settings.to_json(),
        },
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    import imblearn
    import sklearn

    return {
        "MammoRadiomics": __version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "imbalanced-learn": imblearn.__version__,
    }


def _slope(calibration: dict) -> str:
    return "unknown" if calibration["slope"] is None else f"{calibration['slope']:.2f}"


def _card(manifest: dict, vectors: int) -> str:
    """Describe the model in plain words."""
    training, metrics = manifest["training"], manifest["metrics"]
    lines = [DEMONSTRATION_NOTE] if manifest["purpose"] == "demonstration" else []
    lines += [
        f"Predicts {manifest['outcome']} ({' / '.join(manifest['classes'])}) from outlines on "
        f"{' and '.join(manifest['view_names']) or 'one view'} (views: {manifest['views']}).",
        f"Trained on {training['lesions']} lesions of {training['patients']} patients: "
        + ", ".join(f"{name} {count}" for name, count in training["counts"].items())
        + f"; {training['excluded_lesions']} lesions without a known outcome or first reader were left out.",
        f"{len(manifest['feature_names'])} of {training['columns_offered']} columns selected; preset "
        f"{manifest['preset']['name']}, penalty {training['alpha']:.4g}.",
        *(
            f"Cross-validated AUC, {name} against the rest: {auc['mean']:.2f} "
            f"({auc['low']:.2f} to {auc['high']:.2f}; 95% bootstrap over patients, models held fixed); "
            f"Brier score {metrics['brier'][name]:.3f}, calibration slope {_slope(metrics['calibration'][name])}."
            for name, auc in metrics["auc"].items()
        ),
        f"The file holds {vectors} support vectors: standardised feature vectors of training rows, real and synthetic. "
        "Share it as you would share the feature table.",
        "Not a medical device. Not validated outside its training data.",
    ]
    return "\n".join(lines)
