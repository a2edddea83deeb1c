"""What the same table claims under three protocols: nested, as the study did it, and with the test rows leaked.

Only the first makes models. The other two are there to be compared with: ``study`` measures one model on one held-out
part, so its claim depends on the luck of the split; ``leaky`` adds synthetic rows and selects features before it
splits, so that the test rows have taken part in everything.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn import config_context
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.svm import SVC

from . import evaluation
from .learning import LassoSvm, Training, balanced
from .lesions import Lesions
from .progress import Progress, silent
from .settings import TrainingSettings

SEEDS = 10
# 7:3, as three of ten folds.
_TENTHS, _TEST_TENTHS = 10, 3


def compare(training: Training, seeds: int = SEEDS, progress: Progress = silent) -> list[dict]:
    """Return the area under the ROC curve that each protocol claims, once for each seed of its split.

    Parameters
    ----------
    training : Training
        A nested training; its own claim is one per repeat.
    seeds : int
        Splits drawn for the other two.
    progress : callable
        Called after each seed.

    Returns
    -------
    list of dict
        ``protocol`` (nested, study, leaky), ``rows`` (test, or training for the study's apparent claim), ``seed``,
        ``auc``; for three classes the mean of each against the rest.
    """
    data = training.lesions
    settings = TrainingSettings.from_json(training.model.manifest["training"]["settings"])
    claims = [
        {"protocol": "nested", "rows": "test", "seed": repeat, "auc": _auc(data.target, probabilities)}
        for repeat, probabilities in enumerate(training.out_of_fold)
    ]
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for seed in range(seeds):
            for rows, auc in study(data, settings, seed).items():
                claims.append({"protocol": "study", "rows": rows, "seed": seed, "auc": auc})
            claims.append({"protocol": "leaky", "rows": "test", "seed": seed, "auc": leaky(data, settings, seed)})
            progress(seed + 1, seeds, f"{training.model.outcome}: protocols compared on split {seed + 1}")
    return claims


def study(data: Lesions, settings: TrainingSettings, seed: int) -> dict[str, float]:
    """Return the AUC on training and on test rows of the study's protocol.

    Training rows only: SMOTE, z-score, t/F filter, LASSO with folds over rows, RBF support vector machine.
    """
    folds = StratifiedGroupKFold(_TENTHS, shuffle=True, random_state=seed)
    parts = [held_out for _, held_out in folds.split(data.values, data.target, data.patients)]
    test_rows, train_rows = (np.concatenate(part) for part in (parts[:_TEST_TENTHS], parts[_TEST_TENTHS:]))
    values, target = balanced(data.values[train_rows], data.target[train_rows], settings)
    fitted = _machines(values, target, settings)
    return {
        name: _auc(data.target[rows], np.column_stack([each.decision_function(data.values[rows]) for each in fitted]))
        for name, rows in (("training", train_rows), ("test", test_rows))
    }


def leaky(data: Lesions, settings: TrainingSettings, seed: int) -> float:
    """Return the AUC on test rows after SMOTE, scaling and selection saw all rows, split without regard to patients."""
    values, target = balanced(data.values, data.target, settings)
    selector = _machines(values, target, settings)[0]
    selected = ((values - selector.mean_) / selector.scale_)[:, selector.selected_]
    train_rows, test_rows = train_test_split(
        np.arange(len(target)), test_size=_TEST_TENTHS / _TENTHS, stratify=target, random_state=seed
    )
    scores = []
    for positive in _positives(target):
        machine = SVC(C=settings.svm_c, class_weight="balanced")
        machine.fit(selected[train_rows], target[train_rows] == positive)
        scores.append(machine.decision_function(selected[test_rows]))
    return _auc(target[test_rows], np.column_stack(scores))


def _machines(values: np.ndarray, target: np.ndarray, settings: TrainingSettings) -> list[LassoSvm]:
    """Fit on rows that are balanced already, as if each were a patient."""
    settings = dataclasses.replace(settings, smote=False)
    return [
        LassoSvm(settings, positive).fit(values, (target == positive).astype(int), target=target)
        for positive in _positives(target)
    ]


def _positives(target: np.ndarray) -> list[int]:
    return list(evaluation.reported(int(target.max()) + 1))


def _auc(target: np.ndarray, scores: np.ndarray) -> float:
    """Mean AUC of the measured classes; `scores` has a column for each of them, or for every class."""
    positives = _positives(target)
    columns = scores[:, positives] if scores.shape[1] == target.max() + 1 else scores
    one = np.ones((1, len(target)))
    aucs = [
        evaluation.weighted_auc(target == positive, column[None], one)[0]
        for positive, column in zip(positives, columns.T, strict=True)
    ]
    return float(np.mean(aucs))
