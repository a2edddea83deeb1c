"""Three regressions of an outcome on a design: logistic, proportional odds, multinomial."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import separation
from .design import Design
from .likelihood import Likelihood, Maximum, NoMaximumError

MAXIMUM_LIKELIHOOD, FIRTH = "maximum likelihood", "Firth's penalised likelihood"
WALD, RATIO = "Wald", "penalised likelihood ratio"
_WIDTH = 1.959963984540054
_FEW_PATIENTS = 40


class NotFittedError(ArithmeticError):
    """The estimates of a model do not exist; the text says why."""


@dataclass(frozen=True)
class Fit:
    """A fitted regression; k is 1, or the number of classes beside the reference.

    Parameters
    ----------
    method : str
        How it was fitted.
    coefficients, errors : numpy.ndarray
        Shape (k, p), without constants; errors are robust where patients repeat.
    covariance : numpy.ndarray
        Shape (k * p, k * p), a block of p for each class.
    p : numpy.ndarray
        Shape (k, p).
    tests : dict
        Of each variable as a whole: ``statistic``, ``df``, ``p``.
    test : str
        What kind of tests these are.
    profile : numpy.ndarray or None
        Shape (k, p, 2), limits of the coefficients' profile likelihood intervals.
    notes : list of str
        What a reader must know.
    """

    method: str
    coefficients: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    p: np.ndarray
    tests: dict[str, dict]
    test: str = WALD
    profile: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def wald(self) -> np.ndarray:
        """Limits of the coefficients' Wald intervals, shape (k, p, 2)."""
        half = _WIDTH * self.errors
        return np.stack([self.coefficients - half, self.coefficients + half], axis=-1)


def logistic(design: Design, y: np.ndarray, patients: np.ndarray, profile: bool = True) -> Fit:
    """Fit a logistic regression, with Firth's penalty where the classes are separated.

    Parameters
    ----------
    design : Design
        Of n units.
    y : numpy.ndarray
        Shape (n,), 0 or 1.
    patients : numpy.ndarray
        Shape (n,): where one repeats, errors are cluster-robust and there are no profile intervals.
    profile : bool
        Compute profile likelihood intervals.

    Raises
    ------
    NotFittedError
        When no estimate can be found.
    """
    separating = separation.binary(design.matrix, y)
    if separating.any():
        return _firth(design, y, patients, separating, profile)
    from statsmodels.discrete.discrete_model import Logit

    x = np.column_stack([np.ones(len(y)), design.matrix])
    found = _fitted(Logit(y.astype(float), x), patients)
    limits = None
    if profile and not _repeat(patients):
        likelihood = Likelihood(x, y)
        limits = _profiles(likelihood, likelihood.maximise(start=found.params))
    return _wald_fit(design, found.params[1:][None], found.cov_params()[1:, 1:], patients, limits)


def _firth(design: Design, y: np.ndarray, patients: np.ndarray, separating: np.ndarray, profile: bool) -> Fit:
    likelihood = Likelihood(np.column_stack([np.ones(len(y)), design.matrix]), y, firth=True)
    try:
        best = likelihood.maximise()
        p = [likelihood.ratio_test(best, [i + 1])[1] for i in range(len(design.terms))]
        tests = {}
        for name, own in design.variables.items():
            statistic, of_variable = likelihood.ratio_test(best, [i + 1 for i in own])
            tests[name] = {"statistic": statistic, "df": len(own), "p": of_variable}
    except NoMaximumError as error:
        raise NotFittedError("the penalised likelihood has no clear maximum") from error
    return Fit(
        FIRTH,
        best.coefficients[1:][None],
        np.sqrt(np.diag(best.covariance))[1:][None],
        best.covariance[1:, 1:],
        np.array([p]),
        tests,
        RATIO,
        _profiles(likelihood, best) if profile else None,
        _firth_notes(design, patients, separating),
    )


def _firth_notes(design: Design, patients: np.ndarray, separating: np.ndarray) -> list[str]:
    guilty = ", ".join(sorted({design.terms[i].variable for i in np.flatnonzero(separating)}))
    notes = [f"The outcome is separated by {guilty} (as by an empty cell); Firth's penalised likelihood is used."]
    if _repeat(patients):
        notes.append("Patients repeat, which the penalised likelihood ignores: its intervals are too narrow.")
    return notes


def _profiles(likelihood: Likelihood, best: Maximum) -> np.ndarray:
    columns = range(1, len(best.coefficients))
    return np.array([[likelihood.profile_interval(best, column) for column in columns]])


def proportional_odds(design: Design, y: np.ndarray, patients: np.ndarray) -> Fit:
    """Fit one odds ratio of a higher class, whichever the cut; `y` (n,) holds class numbers in order.

    Raises
    ------
    NotFittedError
        When the classes are separated.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    _refuse_separation(design, separation.ordinal(design.matrix, y, int(y.max()) + 1))
    # Its derivatives are numerical, so that columns should be of one size.
    scale = design.matrix.std(axis=0)
    model = OrderedModel(y, design.matrix / scale, distr="logit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = model.fit(method="bfgs", disp=0, maxiter=500).params
    found = _fitted(model, patients, start_params=start)
    p = len(design.terms)
    covariance = found.cov_params()[:p, :p] / np.outer(scale, scale)
    return _wald_fit(design, (found.params[:p] / scale)[None], covariance, patients)


def multinomial(design: Design, y: np.ndarray, patients: np.ndarray) -> Fit:
    """Fit the odds ratios of each class against class 0; `y` (n,) holds class numbers.

    Raises
    ------
    NotFittedError
        When the classes are separated.
    """
    from statsmodels.discrete.discrete_model import MNLogit

    classes = int(y.max()) + 1
    _refuse_separation(design, separation.multinomial(design.matrix, y, classes))
    scale = design.matrix.std(axis=0)
    x = np.column_stack([np.ones(len(y)), design.matrix / scale])
    found = _fitted(MNLogit(y, x), patients)
    slopes = np.flatnonzero(np.tile(np.arange(x.shape[1]) > 0, classes - 1))
    scales = np.tile(scale, classes - 1)
    covariance = np.asarray(found.cov_params())[np.ix_(slopes, slopes)] / np.outer(scales, scales)
    return _wald_fit(design, np.asarray(found.params)[1:].T / scale, covariance, patients)


def _refuse_separation(design: Design, separating: np.ndarray) -> None:
    guilty = sorted({design.terms[i].variable for i in np.flatnonzero(separating)})
    if guilty:
        raise NotFittedError(f"the classes are separated by {', '.join(guilty)} (as by an empty cell)")


def _fitted(model: Any, patients: np.ndarray, **options: Any) -> Any:
    """Fit a model of statsmodels, with errors that are robust where patients repeat."""
    if _repeat(patients):
        groups = np.unique(patients, return_inverse=True)[1]
        options |= {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = model.fit(method="newton", disp=0, maxiter=200, **options)
        except np.linalg.LinAlgError as error:
            raise NotFittedError("the information is singular") from error
    if not found.mle_retvals["converged"] or not np.isfinite(np.asarray(found.cov_params())).all():
        raise NotFittedError("the steps towards the maximum of the likelihood do not settle")
    return found


def _repeat(patients: np.ndarray) -> bool:
    return len(np.unique(patients)) < len(patients)


def _wald_fit(
    design: Design,
    coefficients: np.ndarray,
    covariance: np.ndarray,
    patients: np.ndarray,
    profile: np.ndarray | None = None,
) -> Fit:
    from scipy.stats import norm

    errors = np.sqrt(np.diag(covariance)).reshape(coefficients.shape)
    notes = []
    if _repeat(patients):
        count = len(np.unique(patients))
        notes.append(f"{count} patients have {len(patients)} rows: standard errors are cluster-robust by patient.")
        if count < _FEW_PATIENTS:
            notes.append(f"Cluster-robust errors need more than {count} patients to be trusted.")
    return Fit(
        MAXIMUM_LIKELIHOOD,
        coefficients,
        errors,
        covariance,
        2 * norm.sf(np.abs(coefficients / errors)),
        {name: _joint(coefficients, covariance, own) for name, own in design.variables.items()},
        profile=profile,
        notes=notes,
    )


def _joint(coefficients: np.ndarray, covariance: np.ndarray, own: list[int]) -> dict:
    """Return Wald's test that all coefficients of a variable are 0, for every class."""
    from scipy.stats import chi2

    classes, p = coefficients.shape
    places = [k * p + i for k in range(classes) for i in own]
    part = coefficients.reshape(-1)[places]
    statistic = float(part @ np.linalg.solve(covariance[np.ix_(places, places)], part))
    return {"statistic": statistic, "df": len(places), "p": float(chi2.sf(statistic, len(places)))}
