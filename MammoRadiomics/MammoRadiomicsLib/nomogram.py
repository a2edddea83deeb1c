"""A combined model as a nomogram: every value gives points, and their total the probability. numpy only.

Points are log-odds moved and stretched so that the smallest contribution of a term within the training's range is 0
and the largest of all terms is 100; what they lead to is the model itself, without rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import clinical_terms
from . import prevalence as prevalences
from .clinical_terms import RADSCORE
from .errors import InputError
from .trained_model import Model

LONGEST = 100.0
_PROBABILITIES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_STEPS = (1, 2, 2.5, 5, 10)
_TICKS = 8


@dataclass(frozen=True)
class Axis:
    """The scale of one term.

    Parameters
    ----------
    name, unit : str
        Of the term; the unit is empty where nobody stated it, and for levels.
    levels : tuple of str
        Of a category, the reference first; empty for a number.
    minimum, maximum : float
        Range of a number in training; 0 for a category.
    effects : tuple of float
        Points of each level, or the slope of a number in points per unit.
    zero : float
        Points of the number 0, as if the scale went on to there; 0 for a category.
    """

    name: str
    unit: str
    levels: tuple[str, ...]
    minimum: float
    maximum: float
    effects: tuple[float, ...]
    zero: float

    def points(self, value: float | str) -> float:
        """Return the points of a number, or of a level; InputError where it is no such level."""
        if not self.levels:
            return self.zero + self.effects[0] * float(value)
        if value not in self.levels:
            raise InputError(f"{self.name} has no level {str(value)[:40]!r}; give one of {', '.join(self.levels)}.")
        return self.effects[self.levels.index(value)]

    @property
    def ticks(self) -> tuple[tuple[str, float], ...]:
        """Labels with their points: every level, or round numbers within the training's range."""
        if self.levels:
            return tuple(zip(self.levels, self.effects, strict=True))
        return tuple((f"{value:.10g}", self.points(value)) for value in _round_numbers(self.minimum, self.maximum))

    @property
    def longest(self) -> float:
        """The most points within the training's range."""
        return max(self._ends)

    @property
    def lowest(self) -> float:
        """The fewest points within the training's range; 0 in a nomogram."""
        return min(self._ends)

    @property
    def _ends(self) -> tuple[float, ...]:
        return self.effects if self.levels else (self.points(self.minimum), self.points(self.maximum))


@dataclass(frozen=True)
class Panel:
    """The axes that lead to one class.

    Parameters
    ----------
    name : str
        The class.
    axes : tuple of Axis
        The radscore's, then those of the terms.
    least : float
        Log-odds of the class against the first class at a total of 0 points.
    per_point : float
        Log-odds of a point.
    """

    name: str
    axes: tuple[Axis, ...]
    least: float
    per_point: float

    @property
    def longest(self) -> float:
        """The largest total within the training's range."""
        return sum(axis.longest for axis in self.axes)

    def log_odds(self, total: float) -> float:
        """Return the log-odds of the class against the first class."""
        return self.least + self.per_point * total


@dataclass(frozen=True)
class Nomogram:
    """A combined model in points.

    Parameters
    ----------
    classes : tuple of str
        All classes of the outcome.
    panels : tuple of Panel
        One for each class but the first.
    prevalence : dict
        Share of each class in training.
    """

    classes: tuple[str, ...]
    panels: tuple[Panel, ...]
    prevalence: dict[str, float]

    @classmethod
    def of(cls, model: Model) -> Nomogram:
        """Return the nomogram of a combined model; InputError for a model of radiomics alone."""
        if not model.clinical_terms:
            raise InputError(
                f"The {model.outcome} model has no clinical terms, so no nomogram. Train it with --predictors."
            )
        panels = tuple(_panel(model, k) for k in range(len(model.classes) - 1))
        return cls(model.classes, panels, model.training_prevalence)

    def points(self, values: dict[str, float | str]) -> dict[str, dict[str, float]]:
        """Return the points of each value, by class (all but the first) and term.

        Parameters
        ----------
        values : dict
            The radscore under ``radscore``, and a number or level for each term.

        Raises
        ------
        InputError
            Where one is missing, or is no level of its term.
        """
        missing = [axis.name for axis in self.panels[0].axes if values.get(axis.name) is None]
        if missing:
            raise InputError(f"The nomogram needs {' and '.join(missing)}. Give what is missing.")
        return {panel.name: {axis.name: axis.points(values[axis.name]) for axis in panel.axes} for panel in self.panels}

    @staticmethod
    def total(points: dict[str, dict[str, float]]) -> dict[str, float]:
        """Return the total of :meth:`points` by class."""
        return {name: sum(each.values()) for name, each in points.items()}

    def probability(self, totals: dict[str, float], prevalence: dict[str, float] | None = None) -> dict[str, float]:
        """Return the probability of every class.

        Parameters
        ----------
        totals : dict
            Points by class, from :meth:`total`.
        prevalence : dict, optional
            Share of each class where the model is used (see :func:`.prevalence.complete`); by default the training's.
        """
        log_odds = np.array([[panel.log_odds(totals[panel.name]) for panel in self.panels]])
        found = clinical_terms.class_probabilities(log_odds)
        if prevalence is not None:
            found = prevalences.shifted(found, self.prevalence, prevalences.complete(prevalence, self.classes))
        return dict(zip(self.classes, found[0].tolist(), strict=True))

    def probability_ticks(self, panel: Panel) -> tuple[tuple[float, float], ...]:
        """Return round probabilities with their totals, as far as values of the training's range lead.

        Of more than two classes these are probabilities against the first class alone: P / (P + P of the first).
        """
        ticks = [(p, (np.log(p / (1 - p)) - panel.least) / panel.per_point) for p in _PROBABILITIES]
        return tuple((p, float(total)) for p, total in ticks if 0 <= total <= panel.longest)


def _panel(model: Model, k: int) -> Panel:
    axes = _in_log_odds(model, k)
    widest = max(axis.longest - axis.lowest for axis in axes)
    scale = LONGEST / widest if widest > 0 else 1.0
    least = float(model.arrays["clinical_intercept"][k]) + sum(axis.lowest for axis in axes)
    return Panel(model.classes[k + 1], tuple(_scaled(axis, scale) for axis in axes), least, 1 / scale)


def _in_log_odds(model: Model, k: int) -> list[Axis]:
    """Return axes whose points are still log-odds, as the model has them."""
    first, *others = model.arrays["clinical_coef"][k].tolist()
    low, high = model.manifest["clinical"]["radscore"]
    axes = [Axis(RADSCORE, "", (), low, high, (first,), 0.0)]
    for term in model.clinical_terms:
        width = max(len(term.levels) - 1, 1)
        own, others = others[:width], others[width:]
        ends = term.minimum or 0.0, term.maximum or 0.0
        axes.append(Axis(term.name, term.unit, term.levels, *ends, (0.0, *own) if term.levels else tuple(own), 0.0))
    return axes


def _scaled(axis: Axis, scale: float) -> Axis:
    """Move the lowest point of an axis to 0 and stretch it."""
    if axis.levels:
        return replace(axis, effects=tuple(scale * (effect - axis.lowest) for effect in axis.effects))
    return replace(axis, effects=(scale * axis.effects[0],), zero=-scale * axis.lowest)


def _round_numbers(low: float, high: float) -> list[float]:
    """Return round numbers at equal steps within a range."""
    raw = (high - low) / _TICKS
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * each for each in _STEPS if power * each >= raw * (1 - 1e-9))
    return [float(f"{step * i:.10g}") for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]
