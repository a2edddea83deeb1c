"""Probabilities where an outcome is more or less common than it was in training."""

from __future__ import annotations

import math

import numpy as np

from .errors import InputError


def parse(text: str) -> dict[str, float]:
    """Read ``1=0.2`` or ``zero=0.3,low=0.4,positive=0.3``; InputError where it is not of that form."""
    found = {}
    for part in text.split(","):
        name, _, number = part.strip().rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not name or name in found or math.isnan(value):
            raise InputError(f"The prevalence {text!r} is not of the form CLASS=SHARE,CLASS=SHARE, such as 1=0.2.")
        found[name] = value
    return found


def complete(given: dict[str, float], classes: tuple[str, ...]) -> dict[str, float]:
    """Return the prevalence of every class, in order.

    Parameters
    ----------
    given : dict
        Share of each class, above 0 and below 1; one may be left out and takes the rest.
    classes : tuple of str
        All classes of the outcome.

    Raises
    ------
    InputError
        For an unknown class, two left out, a share of 0, 1 or beyond, or shares that do not sum to 1.
    """
    unknown, missing = [name for name in given if name not in classes], [name for name in classes if name not in given]
    if unknown or len(missing) > 1:
        wrong = f"has a share for {unknown[0]!r}" if unknown else f"lacks {' and '.join(missing)}"
        raise InputError(f"The prevalence {wrong}. Give the classes {', '.join(classes)}; one may be left out.")
    shares = given | {name: 1 - sum(given.values()) for name in missing}
    for name, share in shares.items():
        if not 0 < share < 1:
            raise InputError(f"The prevalence of {name} would be {share:g}; it must lie above 0 and below 1.")
    total = sum(shares.values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        raise InputError(f"The prevalences sum to {total:g}, not to 1. Correct one, or leave one out.")
    return {name: float(shares[name]) for name in classes}


def shifted(probabilities: np.ndarray, training: dict[str, float], local: dict[str, float]) -> np.ndarray:
    """Move probabilities from one prevalence to another, the classes' images being the same.

    Each is weighted by its local over its training prevalence, and divided by their sum (Saerens et al., Neural
    Comput 14:21, 2002); for two classes this adds a constant to the log-odds.

    Parameters
    ----------
    probabilities : numpy.ndarray
        Shape (n, classes), columns in the order of `training`.
    training, local : dict
        Prevalence of each class.

    Returns
    -------
    numpy.ndarray
        Shape (n, classes), rows sum to 1.
    """
    weighted = probabilities * [local[name] / share for name, share in training.items()]
    return weighted / weighted.sum(axis=1, keepdims=True)
