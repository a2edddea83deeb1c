"""The outcome of a clinical analysis: its classes, their order, and the contrasts that regressions estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..lesions import HER2_CLASSES
from . import columns
from .columns import Variable

LOGISTIC, ORDINAL, MULTINOMIAL = "logistic", "proportional odds", "multinomial"
_FEWEST_OF_CLASS = 2
_FIXED = {"slnm": ("0", "1"), "her2": HER2_CLASSES}


@dataclass(frozen=True)
class Outcome:
    """What is to be explained.

    Parameters
    ----------
    name : str
        Column.
    classes : tuple of str
        Ordered ones in their order; of others the first is the reference.
    target : numpy.ndarray
        Shape (n,), class numbers; -1 where unknown.
    ordered : bool
        Whether the order of the classes means something.
    """

    name: str
    classes: tuple[str, ...]
    target: np.ndarray
    ordered: bool = False

    @property
    def known(self) -> np.ndarray:
        """Which units have an outcome, shape (n,)."""
        return self.target >= 0

    def as_variable(self) -> Variable:
        """Return it as a row of Table 1."""
        values = np.where(self.known, self.target, np.nan).astype(float)
        return Variable(self.name, columns.time_of(self.name), values, self.classes)


@dataclass(frozen=True)
class Contrast:
    """What a regression estimates odds ratios of.

    Parameters
    ----------
    name : str
        In words.
    kind : {"logistic", "proportional odds", "multinomial"}
        Which regression.
    target : numpy.ndarray
        Shape (n,), class numbers from 0; -1 for units that have no part in it.
    against : tuple of str
        What each set of odds ratios is of; more than one of a multinomial regression only.
    """

    name: str
    kind: str
    target: np.ndarray
    against: tuple[str, ...]


def read(name: str, cells: list[str], references: dict[str, str]) -> Outcome:
    """Read the cells of an outcome, one a unit; empty is unknown.

    Raises
    ------
    InputError
        When it has fewer than two classes, too many, or a value that it cannot have.
    """
    try:
        variable = columns.variable(name, cells)
    except InputError as reason:
        raise InputError(f"The outcome {reason}. An outcome has 2 to {columns.MOST_LEVELS} classes.") from reason
    if not variable.levels:
        raise InputError(f"The outcome {name} is a quantity. Put it into classes first.")
    fixed = _FIXED.get(name, variable.levels)
    if strange := set(variable.levels) - set(fixed):
        raise InputError(f"{name} has the value {min(strange)!r}; it should be one of {', '.join(fixed)}. Correct it.")
    classes = tuple(level for level in fixed if level in variable.levels)
    ordered = len(classes) > 2 and set(classes) <= set(HER2_CLASSES)
    if not ordered:
        classes = _reference_first(name, classes, variable, references)
    number = {level: classes.index(level) for level in variable.levels}
    target = np.array([number[variable.levels[int(value)]] if value >= 0 else -1 for value in variable.values])
    if np.bincount(target[target >= 0]).min() < _FEWEST_OF_CLASS:
        raise InputError(f"A class of {name} has one row only. Join classes, or leave the row out.")
    return Outcome(name, classes, target, ordered)


def _reference_first(name: str, classes: tuple, variable: Variable, references: dict[str, str]) -> tuple[str, ...]:
    """Put the reference first: the class asked for, else of two the first, of more the most frequent."""
    counts = [np.count_nonzero(variable.values == variable.levels.index(level)) for level in classes]
    first = references.get(name, classes[0] if len(classes) == 2 else classes[int(np.argmax(counts))])
    if first not in classes:
        raise InputError(f"{name} has no class {first!r} for a reference; it has {', '.join(classes)}.")
    return (first, *(level for level in classes if level != first))


def contrasts(outcome: Outcome) -> list[Contrast]:
    """Return what is estimated: of ordered classes each against the rest, and proportional odds."""
    classes, target = outcome.classes, outcome.target
    if outcome.ordered:
        each = [
            Contrast(f"{name} against the rest", LOGISTIC, np.where(target < 0, -1, target == i), (name,))
            for i, name in enumerate(classes)
        ]
        return [*each, Contrast("a higher class", ORDINAL, target, ("a higher class",))]
    if len(classes) == 2:
        return [Contrast(f"{classes[1]} against {classes[0]}", LOGISTIC, target, classes[1:])]
    return [Contrast(f"each class against {classes[0]}", MULTINOMIAL, target, classes[1:])]


def pairs(outcome: Outcome) -> list[Contrast]:
    """Return each class against the reference as a contrast of its own (Begg and Gray, Biometrika 1984; 71: 11)."""
    found = []
    for i, name in enumerate(outcome.classes[1:], start=1):
        target = np.select([outcome.target == 0, outcome.target == i], [0, 1], -1)
        found.append(Contrast(f"{name} against {outcome.classes[0]}", LOGISTIC, target, (name,)))
    return found
