"""What the same table claims under three protocols: nested, as the study did it, and with the test rows leaked.

``study`` measures one model on one held-out part, so its claim depends on the luck of the split; ``leaky`` adds
synthetic rows and selects features before it splits, so that the test rows have taken part in everything. It never
makes a model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from . import validation
from .evaluation import mean_auc, mean_of_aucs, reported
from .lasso_svm import LassoSvm, Selections
from .learning import Training
from .lesions import Lesions
from .progress import Progress, silent
from .selection import StableColumns, balanced
from .settings import STUDY_HOLDOUT, TrainingSettings

SEEDS = 10


def compare(training: Training, seeds: int = SEEDS, progress: Progress = silent, jobs: int = 1) -> list[dict]:
    """Return the area under the ROC curve that each protocol claims, once for each seed of its split.

    Parameters
    ----------
    training : Training
        Its lesions are those compared on; a nested training's own claim is taken as it is.
    seeds : int
        Splits drawn for ``study`` and ``leaky``, which harmonise nothing.
    progress : callable
        Called after each fold and each seed.
    jobs : int
        Processes.

    Returns
    -------
    list of dict
        ``protocol`` (nested, nested without SMOTE or harmonisation, study, leaky), ``rows`` (test, or training for the
        study's apparent claim), ``seed``, ``auc``; for more than two classes the mean of each against the rest.
    """
    data, settings, stable = training.lesions, training.settings, training.stable
    nested = replace(settings, permutations=0)
    claims = []
    for smote in (True, False):
        if settings.protocol == "nested" and smote == settings.smote:
            evidence = training.evidence["cross_validated"]
        else:
            found = validation.cross_validate(data, stable, replace(nested, smote=smote), progress, jobs)
            evidence = found.evidence
        name = "nested" if smote else "nested without SMOTE"
        claims += [
            {"protocol": name, "rows": "test", "seed": repeat, "auc": mean_auc(each)}
            for repeat, each in enumerate(evidence.each_repeat())
        ]
    if training.centres and training.centres.unharmonised:
        claims += [
            {"protocol": "nested without harmonisation", "rows": "test", "seed": repeat, "auc": mean_auc(each)}
            for repeat, each in enumerate(training.centres.unharmonised.each_repeat())
        ]
    for seed in range(seeds):
        with validation.quick_and_single():
            for rows, auc in study(data, stable, settings, seed).items():
                claims.append({"protocol": "study", "rows": rows, "seed": seed, "auc": auc})
            claims.append(
                {"protocol": "leaky", "rows": "test", "seed": seed, "auc": leaky(data, stable, settings, seed)}
            )
        progress(seed + 1, seeds, f"{training.model.outcome}: protocols compared on split {seed + 1}")
    return claims


def study(data: Lesions, stable: StableColumns, settings: TrainingSettings, seed: int) -> dict[str, float]:
    """Return the AUC on training and on test rows of the study's protocol.

    Training rows only: SMOTE, z-score, t/F filter, LASSO with folds over rows, RBF support vector machine.
    """
    train_rows, test_rows = validation.split_rows(replace(data, split=()), STUDY_HOLDOUT, seed)
    data = _filled(data, train_rows)
    values, target = balanced(data.values[train_rows], data.target[train_rows], settings)
    fitted = _machines(values, target, stable.settled(data.patients[train_rows], settings), settings)
    return {
        name: _auc(data.target[rows], [each.decision_function(data.values[rows]) for each in fitted])
        for name, rows in (("training", train_rows), ("test", test_rows))
    }


def leaky(data: Lesions, stable: StableColumns, settings: TrainingSettings, seed: int) -> float:
    """Return the AUC on test rows after SMOTE, scaling and selection saw all rows, split without regard to patients."""
    data = _filled(data, slice(None))
    values, target = balanced(data.values, data.target, settings)
    selection = _machines(values, target, stable.settled(data.patients, settings), settings)[0].selection_
    selected = selection.standardised(values)
    train_rows, test_rows = train_test_split(
        np.arange(len(target)), test_size=STUDY_HOLDOUT, stratify=target, random_state=seed
    )
    scores = []
    for positive in reported(target.max() + 1):
        machine = SVC(C=settings.svm_c, class_weight="balanced")
        machine.fit(selected[train_rows], target[train_rows] == positive)
        scores.append(machine.decision_function(selected[test_rows]))
    return _auc(target[test_rows], scores)


def _filled(data: Lesions, rows: np.ndarray | slice) -> Lesions:
    """Fill missing cells with the medians of some rows."""
    if not np.isnan(data.values).any():
        return data
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(data.values[rows])
    return replace(data, values=imputer.transform(data.values))


def _machines(
    values: np.ndarray, target: np.ndarray, stable: StableColumns, settings: TrainingSettings
) -> list[LassoSvm]:
    """Fit on rows that are balanced already, as if each were a patient."""
    settings = replace(settings, smote=False)
    selections = Selections(stable, settings)
    return [
        LassoSvm(settings, positive, selections).fit(values, (target == positive).astype(int), target=target)
        for positive in reported(target.max() + 1)
    ]


def _auc(target: np.ndarray, decisions: list[np.ndarray]) -> float:
    """Mean AUC of the decision values of each measured class's machine."""
    return mean_of_aucs(target, np.column_stack(decisions)[None])
