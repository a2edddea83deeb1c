"""Clinical predictors alone and beside the radscore: logistic models, fitted so that no row judges itself.

A radscore looks better on the rows that it was fitted on than on any others, so a regression on it would trust it too
much. The radscores that a combined model is fitted on are therefore cross-fitted: each comes from columns and weights
chosen without its patient. Rows to be predicted get the radscore of all training rows.

Coefficients are those of Firth's penalised likelihood, which exist where classes are separated too; the constant is
then set so that mean risk and share agree (FLIC: Puhr et al., Stat Med 2017; 36: 2302), with more than two classes in
each pair of neighbours, and nearly so over all.

More than two classes make a multinomial logit model, whose middle classes may be likeliest at middling radscores, as in
models of one class against the rest they cannot. Each class is fitted against the one before it by itself (Begg and
Gray, Biometrika 1984; 71: 11): neighbours are the least separated, and differences of fits to far classes would be poor
guides to near ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import reclassification
from .clinical.likelihood import Likelihood, Maximum, NoMaximumError
from .clinical_terms import RADSCORE, ClinicalTerm, class_probabilities, columns_of, expanded
from .errors import InputError
from .evaluation import Evidence
from .predictors import Clinical, ClinicalColumns

CLINICAL, RADIOMICS, COMBINED = "clinical", "radiomics", "combined"
MODELS, BESIDE = (CLINICAL, RADIOMICS, COMBINED), (CLINICAL, COMBINED)
_NOT_INDEPENDENT = 1e-7


@dataclass(frozen=True)
class Logistic:
    """Log-odds of each class but the first against the first.

    Parameters
    ----------
    intercepts : numpy.ndarray
        Shape (c - 1,).
    coefficients : numpy.ndarray
        Shape (c - 1, q); 0 for a column that is constant, or determined by those before it.
    """

    intercepts: np.ndarray
    coefficients: np.ndarray

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Return class probabilities of rows (n, q), shape (n, c)."""
        return class_probabilities(self.intercepts + x @ self.coefficients.T)


@dataclass(frozen=True)
class Beside:
    """The two models beside that of radiomics, fitted on the same rows.

    Parameters
    ----------
    clinical, combined : Logistic
        On the columns of :func:`~.clinical_terms.expanded`; combined with the radscore before them.
    radscores : numpy.ndarray
        Shape (n,), the cross-fitted radscores that the combined model was fitted on.
    columns : numpy.ndarray
        Shape (n, q), the clinical columns that both were fitted on.
    """

    clinical: Logistic
    combined: Logistic
    radscores: np.ndarray
    columns: np.ndarray

    def probabilities(self, radscores: np.ndarray, columns: np.ndarray) -> dict[str, np.ndarray]:
        """Return class probabilities by each of the two models as one repeat, shape (1, n, c)."""
        both = np.column_stack([radscores, columns])
        return {
            CLINICAL: self.clinical.probabilities(columns)[None], COMBINED: self.combined.probabilities(both)[None],
        }  # fmt: skip


@dataclass(frozen=True)
class Combined:
    """What clinical predictors add to radiomics, and radiomics to them.

    Parameters
    ----------
    label : str
        What must be said of these models; empty for models that may be used before surgery.
    terms : tuple of ClinicalTerm
        Clinical predictors.
    evidence : dict
        By model (clinical, radiomics, combined) and rows (cross_validated, test, training).
    metrics : dict
        By model, as :func:`.learning.measured` returns them.
    comparisons, performance, odds_ratios : list of dict
        Tables; see :func:`.reclassification.comparisons`, :func:`.reclassification.performance`, :func:`odds_ratios`.
    radscores : numpy.ndarray
        Shape (n,), cross-fitted radscores of the training lesions.
    notes : tuple of str
        Counts of filled cells and unseen levels, columns left out.
    """

    label: str
    terms: tuple[ClinicalTerm, ...]
    evidence: dict[str, dict[str, Evidence]]
    metrics: dict[str, dict]
    comparisons: list[dict]
    performance: list[dict]
    odds_ratios: list[dict]
    radscores: np.ndarray
    notes: tuple[str, ...]


def fit(radscores: np.ndarray, columns: np.ndarray, target: np.ndarray) -> Beside:
    """Fit the clinical and the combined model.

    Parameters
    ----------
    radscores : numpy.ndarray
        Shape (n,), cross-fitted.
    columns : numpy.ndarray
        Shape (n, q), as :func:`~.clinical_terms.expanded` returns them.
    target : numpy.ndarray
        Shape (n,), class indices.

    Raises
    ------
    InputError
        When no estimate can be found.
    """
    both = np.column_stack([radscores, columns])
    return Beside(_logistic(columns, target), _logistic(both, target), radscores, columns)


def held_out(
    clinical: ClinicalColumns,
    target: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray],
    radscores: tuple[np.ndarray, np.ndarray],
) -> dict[str, np.ndarray]:
    """Fit both models on some rows and return their probabilities of others, shape (1, n, c).

    Parameters
    ----------
    clinical : ClinicalColumns
        Of all lesions.
    target : numpy.ndarray
        Class indices of the rows to fit on.
    rows : tuple of numpy.ndarray
        Indices of the rows to fit on, and to predict.
    radscores : tuple of numpy.ndarray
        Of the rows to fit on (cross-fitted), and to predict.
    """
    known = clinical.values[rows[0]]
    columns = [expanded(clinical.terms, clinical.take(each).filled(known)) for each in rows]
    return fit(radscores[0], columns[0], target).probabilities(radscores[1], columns[1])


@dataclass(frozen=True)
class _Pair:
    """One class against the one before it: the penalised maximum, on standardised independent columns."""

    likelihood: Likelihood
    best: Maximum
    columns: list[int]
    mean: np.ndarray
    scale: np.ndarray


def _logistic(x: np.ndarray, target: np.ndarray) -> Logistic:
    classes = range(1, int(target.max()) + 1)
    intercepts, coefficients = np.zeros(len(classes)), np.zeros((len(classes), x.shape[1]))
    for other in classes:
        pair = _fit_pair(x, target, other)
        slopes = pair.best.coefficients[1:]
        plain = Likelihood(pair.likelihood.x, pair.likelihood.y)
        constant = plain.maximise(dict(enumerate(slopes.tolist(), start=1))).coefficients[0]
        coefficients[other - 1, pair.columns] = slopes / pair.scale
        intercepts[other - 1] = constant - (slopes / pair.scale) @ pair.mean
    # From neighbour against neighbour to each against the first.
    return Logistic(intercepts.cumsum(), coefficients.cumsum(axis=0))


def _fit_pair(x: np.ndarray, target: np.ndarray, other: int) -> _Pair:
    rows = (target == other - 1) | (target == other)
    x, y = x[rows], (target[rows] == other).astype(float)
    columns = _independent(x)
    mean, scale = x[:, columns].mean(axis=0), x[:, columns].std(axis=0)
    likelihood = Likelihood(np.column_stack([np.ones(len(y)), (x[:, columns] - mean) / scale]), y, firth=True)
    try:
        return _Pair(likelihood, likelihood.maximise(), columns, mean, scale)
    except NoMaximumError as error:
        raise InputError(
            "The logistic model of the clinical predictors cannot be fitted: too few lesions for so many. Leave some "
            "out of the predictors."
        ) from error


def _independent(x: np.ndarray) -> list[int]:
    """Return the columns that are neither constant nor determined by those before them."""
    centred = x - x.mean(axis=0)
    kept: list[int] = []
    for i, column in enumerate(centred.T):
        rest = column
        if kept:
            rest = column - centred[:, kept] @ np.linalg.lstsq(centred[:, kept], column, rcond=None)[0]
        if np.linalg.norm(rest) > _NOT_INDEPENDENT * max(np.linalg.norm(column), np.abs(x[:, i]).max(initial=0)):
            kept.append(i)
    return kept


def odds_ratios(
    beside: Beside, target: np.ndarray, classes: tuple[str, ...], terms: tuple[ClinicalTerm, ...]
) -> list[dict]:
    """Return the odds ratios of both models with profile intervals of the penalised likelihood.

    The cross-fitted radscore counts as given, and every lesion as its own patient, so intervals are a little narrow.

    Parameters
    ----------
    beside : Beside
        Both models.
    target : numpy.ndarray
        Shape (n,), class indices of the rows that they were fitted on.
    classes : tuple of str
        Their names.
    terms : tuple of ClinicalTerm
        Clinical predictors.

    Returns
    -------
    list of dict
        ``model``, ``class``, ``against`` (the class before it), ``term``, ``level``, ``reference``, ``per`` (the step
        that the ratio is for), ``odds_ratio``, ``low``, ``high``, ``p`` (penalised likelihood ratio test). A column
        that could not enter has no row.
    """
    clinical = [_labels(term, level) for term, level in columns_of(terms)]
    deviation = float(beside.radscores.std())
    score = {"term": RADSCORE, "level": "", "reference": "", "per": f"1 SD ({deviation:.3g})", "step": deviation}
    both = np.column_stack([beside.radscores, beside.columns])
    rows = []
    for model, x, labels in ((CLINICAL, beside.columns, clinical), (COMBINED, both, [score, *clinical])):
        for other in range(1, len(classes)):
            named = {"model": model, "class": classes[other], "against": classes[other - 1]}
            rows += [named | row for row in _ratios(_fit_pair(x, target, other), labels)]
    return rows


def _labels(term: ClinicalTerm, level: str) -> dict:
    per = f"1 {term.unit}".strip() if not level else "level"
    return {
        "term": term.name, "level": level, "reference": term.levels[0] if level else "", "per": per, "step": 1.0,
    }  # fmt: skip


def _ratios(pair: _Pair, labels: list[dict]) -> list[dict]:
    rows = []
    for place, column in enumerate(pair.columns):
        label = dict(labels[column])
        step = label.pop("step") / pair.scale[place]
        limits = (pair.best.coefficients[place + 1], *pair.likelihood.profile_interval(pair.best, place + 1))
        with np.errstate(over="ignore"):
            ratios = np.exp(np.array(limits) * step).tolist()
        row = label | dict(zip(("odds_ratio", "low", "high"), ratios, strict=True))
        rows.append(row | {"p": pair.likelihood.ratio_test(pair.best, [place + 1])[1]})
    return rows


def together(
    evidence: dict[str, dict[str, Evidence]],
    metrics: dict[str, dict],
    beside: Beside,
    clinical: Clinical,
    random_state: int,
) -> Combined:
    """Return everything that is to be said of the three models, from their evidence and measures."""
    training = evidence[COMBINED]["training"]
    return Combined(
        label=clinical.label,
        terms=clinical.terms,
        evidence=evidence,
        metrics=metrics,
        comparisons=reclassification.comparisons(evidence, random_state),
        performance=reclassification.performance(evidence, metrics),
        odds_ratios=odds_ratios(beside, training.target, training.classes, clinical.terms),
        radscores=beside.radscores,
        notes=clinical.notes,
    )
