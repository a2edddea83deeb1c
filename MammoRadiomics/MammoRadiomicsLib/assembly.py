"""From fitted estimators to a model: its numbers, its manifest and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import __version__, applicability, clinical_terms, explanation, presets, trained_model
from .combat import ARRAYS
from .lesions import Lesions
from .settings import TrainingSettings

_PARTS = {
    "cross_validated": "Cross-validated, on patients that the fold's model has not seen",
    "unharmonised": "The same cross-validation without harmonisation",
    "test": "On test rows that took no part in the training",
    "training": "On the training rows themselves, which flatters the model",
}
_PROTOCOLS = {
    "nested": "Protocol nested: for every fold everything that learns was fitted anew.",
    "study": "Protocol study, as published: one fit on the training rows of one split.",
}
DEMONSTRATION_NOTE = "DEMONSTRATION: trained on synthetic images; its numbers say nothing about patients."

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV

    from .combat import Combat
    from .combination import Beside
    from .predictors import ClinicalColumns


def probabilities(fitted: list[CalibratedClassifierCV], values: np.ndarray) -> np.ndarray:
    """Return class probabilities, shape (n, classes), as :meth:`.trained_model.Model.probabilities` defines them."""
    if len(fitted) == 1:
        return fitted[0].predict_proba(values)
    positive = np.column_stack([machine.predict_proba(values)[:, 1] for machine in fitted])
    return positive / positive.sum(axis=1, keepdims=True)


def assemble(
    fitted: list[CalibratedClassifierCV],
    data: Lesions,
    manifest: dict,
    beside: Beside | None = None,
    clinical: ClinicalColumns | None = None,
    *,
    combat: Combat | None = None,
) -> trained_model.Model:
    """Take the numbers out of the fitted estimators, and let the manifest say what they are.

    Parameters
    ----------
    fitted : list of CalibratedClassifierCV
        As :func:`.lasso_svm.fit` returns them.
    data : Lesions
        The real rows that they were fitted on, missing cells filled.
    manifest : dict
        From :func:`manifest_of`, with outcome, spacing, metrics and thresholds; names, penalty and card are added.
    beside : Beside, optional
        The combined model, fitted on the same rows; the manifest then has ``clinical`` with the metrics.
    clinical : ClinicalColumns, optional
        The rows' clinical values, missing ones filled.
    combat : Combat, optional
        What harmonised the rows.
    """
    from . import lasso_svm

    selection = lasso_svm.selection_of(fitted)
    columns = selection.columns
    values = data.values[:, columns]
    mean, scale = selection.mean[columns], selection.scale[columns]
    z = (values - mean) / scale
    random_state = manifest["training"]["settings"]["random_state"]

    def outputs(rows: np.ndarray) -> np.ndarray:
        padded = np.zeros((len(rows), data.values.shape[1]))
        padded[:, columns] = rows
        return probabilities(fitted, padded)

    inputs = explanation.background(values, random_state, outputs)
    arrays = {
        "mean": mean,
        "scale": scale,
        "lasso_coef": selection.coef,
        "lasso_intercept": [selection.intercept],
        "minimum": values.min(axis=0),
        "maximum": values.max(axis=0),
        "reference_inputs": inputs,
        "reference_outputs": outputs(inputs),
        **applicability.reference(z, data.patients, random_state),
        **_of_machines(fitted),
    }
    if beside and clinical:
        references = selection.coef @ ((inputs - mean) / scale).T + selection.intercept
        arrays |= _of_combined(beside, clinical, references, random_state)
        manifest["clinical"] |= {"terms": [term.to_json() for term in clinical.terms]}
        manifest["clinical"]["radscore"] = [float(beside.radscores.min()), float(beside.radscores.max())]
    if combat:
        manifest["harmonised"] = {
            "column": manifest["training"]["settings"]["centre"],
            "scanners": list(combat.batches),
        }
        arrays |= {f"combat_{name}": getattr(combat.of_columns(columns), name) for name in ARRAYS}
    manifest["feature_names"] = [data.names[column] for column in columns]
    manifest["training"]["alpha"] = selection.alpha
    manifest["training"]["without_signal"] = _without_signal(fitted, data.classes)
    manifest["card"] = _card(manifest, sum(len(arrays[f"dual_coef_{i}"]) for i in range(len(fitted))))
    return trained_model.Model(manifest, {name: np.array(array, dtype=float) for name, array in arrays.items()})


def _of_machines(fitted: list[CalibratedClassifierCV]) -> dict[str, np.ndarray | list]:
    """The numbers of the support vector machines and of the sigmoids that calibrate them."""
    calibrated = [each.calibrated_classifiers_[0] for each in fitted]
    machines = [each.estimator.svc_ for each in calibrated]
    return {
        "gamma": [machine.gamma for machine in machines],
        "intercept": [machine.intercept_[0] for machine in machines],
        "sigmoid": [[each.calibrators[0].a_, each.calibrators[0].b_] for each in calibrated],
        **{f"support_vectors_{i}": machine.support_vectors_ for i, machine in enumerate(machines)},
        **{f"dual_coef_{i}": machine.dual_coef_[0] for i, machine in enumerate(machines)},
    }


def _of_combined(
    beside: Beside, clinical: ClinicalColumns, radscores: np.ndarray, random_state: int
) -> dict[str, np.ndarray]:
    """The numbers of the combined model, and clinical values of nobody beside reference inputs of these radscores."""
    levels = np.array([len(term.levels) > 0 for term in clinical.terms])

    def outputs(rows: np.ndarray) -> np.ndarray:
        columns = clinical_terms.expanded(clinical.terms, np.where(levels, np.rint(rows), rows))
        scores = np.tile(radscores, len(rows) // len(radscores))
        return beside.combined.probabilities(np.column_stack([scores, columns]))

    values = explanation.background(clinical.values, random_state, outputs)
    return {
        "clinical_intercept": beside.combined.intercepts,
        "clinical_coef": beside.combined.coefficients,
        "reference_clinical": np.where(levels, np.rint(values), values),
        "reference_combined": outputs(values),
    }


def _without_signal(fitted: list[CalibratedClassifierCV], classes: tuple[str, ...]) -> list[str]:
    """Return the classes whose held-out scores did not rise with the risk, so that calibration turned their order."""
    names = classes[1:] if len(classes) == 2 else classes
    slopes = [machine.calibrated_classifiers_[0].calibrators[0].a_ for machine in fitted]
    # The sigmoid is 1 / (1 + exp(a score + b)), so a useful machine has a negative a.
    return [name for name, slope in zip(names, slopes, strict=True) if slope >= 0]


def manifest_of(data: Lesions, preset: presets.Preset, settings: TrainingSettings) -> dict:
    counts = np.bincount(data.target, minlength=len(data.classes))
    return {
        "format": trained_model.FORMAT,
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
            # A reader may be a person's name.
            "settings": settings.to_json() | {"reader": ""},
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


def _card(manifest: dict, vectors: int) -> str:
    """Describe the model in plain words."""
    training = manifest["training"]
    lines = [
        DEMONSTRATION_NOTE if manifest["purpose"] == "demonstration" else "",
        f"Predicts {manifest['outcome']} ({' / '.join(manifest['classes'])}) from outlines on "
        f"{' and '.join(manifest['view_names']) or 'one view'} (views: {manifest['views']}).",
        _PROTOCOLS[training["settings"]["protocol"]],
        *_rows_in_words(training),
        f"{len(manifest['feature_names'])} of {training['columns_offered']} columns selected; preset "
        f"{manifest['preset']['name']}, penalty {training['alpha']:.4g}.",
        "Probabilities were calibrated, as published, on rows made equally many by SMOTE: too high for rare classes, "
        "too low for frequent ones. A local prevalence sets them right."
        if training.get("calibrated_prevalence")
        else "",
        training.get("stability") or "",
        training.get("centres") or "",
        _scanners_in_words(manifest),
        *(
            f"NOTHING LEARNED for {name}: on held-out rows, higher scores did not mean higher risk."
            for name in training["without_signal"]
        ),
        *_combined_in_words(manifest),
        *_performance(manifest["metrics"]),
        training.get("sample_size") or "",
        f"The file holds {vectors} support vectors: standardised feature vectors of training rows, real"
        f"{' and synthetic' if training['settings']['smote'] else ''}. Share it as you would share the feature table.",
        "Not a medical device. Not validated outside its training data.",
    ]
    return "\n".join(line for line in lines if line)


def _rows_in_words(training: dict) -> list[str]:
    """Who was learned from, who was left out, and what was made up."""
    counts = training["counts"]
    shares = ", ".join(f"{name} {n / sum(counts.values()):.1%} ({n})" for name, n in counts.items())
    lines = [
        f"Trained on {training['lesions']} lesions of {training['patients']} patients; training prevalence: {shares}."
    ]
    if training["excluded_lesions"]:
        reasons = ", ".join(f"{count} ({reason})" for reason, count in training["excluded_lesions"].items())
        lines.append(f"Lesions left out: {reasons}.")
    smote = training["settings"]["smote"]
    lines.append(
        "Synthetic rows (SMOTE) balanced the classes for the fit." if smote else "No synthetic rows were used."
    )
    if training["settings"]["missing"] == "impute":
        lines.append(
            "Missing features were filled with medians of training rows; the model itself asks for all of them."
        )
    return lines


def _scanners_in_words(manifest: dict) -> str:
    """For which scanners the model works."""
    if "harmonised" not in manifest:
        return ""
    return (
        f"The model asks for the scanner or centre: {', '.join(manifest['harmonised']['scanners'])}. It refuses "
        "another, or leaves its features as they are and says so; no evidence here speaks of that."
    )


def _combined_in_words(manifest: dict) -> list[str]:
    """What the combined model takes and how well it did, and where radiomics alone begins."""
    if "clinical" not in manifest:
        return []
    terms = [clinical_terms.ClinicalTerm.from_json(each) for each in manifest["clinical"]["terms"]]
    without = [term.name for term in terms if not term.levels and not term.unit]
    lines = [
        f"COMBINED MODEL: logistic regression on the radscore and {', '.join(term.asked for term in terms)}, fitted on "
        "cross-fitted radscores; the probabilities that it gives are these.",
        f"Nobody stated the unit of {', '.join(without)}." if without else "",
        *_performance(manifest["clinical"]["metrics"]),
        "Radiomics alone, which is given beside them:",
    ]
    return [line for line in lines if line]


def _performance(metrics: dict) -> list[str]:
    """How well the model did, the most trustworthy part first."""
    lines = []
    for part in (part for part in _PARTS if part in metrics):
        lines.append(f"{_PARTS[part]} ({metrics[part]['lesions']} lesions):")
        lines += [_measured(name, metrics[part]) for name in metrics[part]["auc"]]
    optimism = metrics.get("optimism", {}).items()
    known = ", ".join(f"{_class(name)} {value:.2f}" for name, value in optimism if value is not None)
    return lines + (
        [f"Optimism, by how much the AUC on training rows exceeds that on held-out rows: {known}."] if known else []
    )


def _measured(name: str, metrics: dict) -> str:
    """AUC of a class, or of all on average, with Brier score and calibration slope where they were measured."""
    auc = metrics["auc"][name]
    line = f"  {_class(name)}: "
    if auc["mean"] is None:
        return line + "no AUC."
    line += f"AUC {auc['mean']:.2f} ({auc['low']:.2f} to {auc['high']:.2f}, 95% by {auc['method']})"
    if name not in metrics["brier"]:
        return line + "."
    slope = metrics["calibration"][name]["slope"]
    shown = "unknown" if slope is None else f"{slope:.2f}"
    return f"{line}, Brier score {metrics['brier'][name]:.3f}, calibration slope {shown}."


def _class(name: str) -> str:
    return "mean of the classes" if name == "macro" else f"{name} against the rest"
