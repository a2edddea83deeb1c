"""Clinical values that a model needs: what they are called, how they are read, how they enter. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from .clinical.columns import BIOPSY, IMAGING
from .errors import InputError
from .tables import Row, finite_number, known_value

# What is known before surgery; nothing else enters a model that predicts.
TIMES = (IMAGING, BIOPSY)
# What the score of the features is called beside the terms.
RADSCORE = "radscore"
# No clinical number is so large.
_ABSURD = 1e9


@dataclass(frozen=True)
class ClinicalTerm:
    """One clinical value of a model.

    Parameters
    ----------
    name : str
        As the cohort calls it.
    unit : str
        Of a number; empty where nobody stated it, and for levels.
    time : {"imaging", "biopsy"}
        When it is known.
    levels : tuple of str
        Of a category, the reference first; empty for a number.
    minimum, maximum : float or None
        Range of a number in training.
    """

    name: str
    unit: str
    time: str
    levels: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def kind(self) -> str:
        """``number`` or ``level``."""
        return "level" if self.levels else "number"

    @property
    def asked(self) -> str:
        """Name, and the unit and range or the levels: what somebody who gives the value must know."""
        if self.levels:
            *others, last = self.levels
            return f"{self.name} ({', '.join(others)} or {last})"
        unit = f"{self.unit}, " if self.unit else ""
        return f"{self.name} ({unit}{self.minimum:g} to {self.maximum:g} in training)"

    def read(self, value: object) -> float:
        """Return the number, or the index of the level; NaN where there is none.

        Raises
        ------
        ValueError
            Where it is no number, or no level of the training.
        """
        text = known_value(str(value).strip()) if value is not None else ""
        if not text:
            return np.nan
        if self.levels:
            return float(self.levels.index(text))
        number = finite_number(text)
        if not abs(number) < _ABSURD:
            raise ValueError(text)
        return number

    def shown(self, coded: float) -> float | str:
        """Return what :meth:`read` read."""
        return self.levels[int(coded)] if self.levels else coded

    def to_json(self) -> dict:
        """Return the term as a JSON object."""
        return {**asdict(self), "levels": list(self.levels)}

    @classmethod
    def from_json(cls, described: dict) -> ClinicalTerm:
        """Make a term of a JSON object from anywhere; ValueError, TypeError or KeyError where it makes no sense."""
        term = cls(**{**described, "levels": tuple(described["levels"])})
        texts = (term.name, term.unit, term.time, *term.levels)
        if not all(isinstance(each, str) for each in texts) or not term.name or term.time not in TIMES:
            raise ValueError("clinical term")
        if term.levels:
            if len(set(term.levels)) < max(2, len(term.levels)) or (term.minimum, term.maximum) != (None, None):
                raise ValueError("levels")
        elif not (
            type(term.minimum) is type(term.maximum) is float and -_ABSURD < term.minimum < term.maximum < _ABSURD
        ):
            raise ValueError("range")
        return term


def cells(rows: list[Row], names: tuple[str, ...]) -> dict[str, str]:
    """Return the values of one lesion from all of its rows, empty where none has any; refuse contradictions."""
    found = {}
    for name in names:
        values = sorted({known_value(row.get(name, "")) for row in rows} - {""})
        if len(values) > 1:
            raise InputError(
                f"Case {rows[0].get('patient_id')} has contradicting values of {name}. Give all rows of a lesion the "
                "same, or none."
            )
        found[name] = values[0] if values else ""
    return found


def read_all(terms: tuple[ClinicalTerm, ...], given: Mapping[str, object], outcome: str) -> np.ndarray:
    """Return what was given as numbers and indices of levels, shape (terms,).

    Raises
    ------
    InputError
        For a name that the model does not know, a value that is missing or makes no sense.
    """
    unknown = [name for name in given if name not in {term.name for term in terms}]
    if unknown:
        takes = f"it takes {' and '.join(term.asked for term in terms)}" if terms else "it takes none"
        raise InputError(f"The {outcome} model takes no clinical value {unknown[0]!r}; {takes}.")
    coded = np.full(len(terms), np.nan)
    for i, term in enumerate(terms):
        try:
            coded[i] = term.read(given.get(term.name))
        except ValueError as error:
            wrong = "none of these" if term.levels else "no such number"
            raise InputError(
                f"The {outcome} model needs {term.asked}; {str(given[term.name])[:40]!r} is {wrong}. Correct it."
            ) from error
    missing = [term.asked for term, value in zip(terms, coded, strict=True) if np.isnan(value)]
    if missing:
        raise InputError(f"The {outcome} model needs {' and '.join(missing)}. Give what is missing.")
    return coded


def beyond(terms: tuple[ClinicalTerm, ...], coded: np.ndarray) -> list[str]:
    """Say which numbers lie outside the training's range."""
    return [
        f"{term.name} is {f'{value:g} {term.unit}'.strip()} here, {term.minimum:g} to {term.maximum:g} in training."
        for term, value in zip(terms, coded.tolist(), strict=True)
        if not term.levels and not term.minimum <= value <= term.maximum
    ]


def expanded(terms: tuple[ClinicalTerm, ...], coded: np.ndarray) -> np.ndarray:
    """Return the columns of a regression: numbers, and for each level but the reference whether it is there.

    Parameters
    ----------
    terms : tuple of ClinicalTerm
        p of them.
    coded : numpy.ndarray
        Shape (n, p), as :meth:`ClinicalTerm.read` returns them.

    Returns
    -------
    numpy.ndarray
        Shape (n, q).
    """
    blocks = [np.zeros((len(coded), 0))]
    for term, column in zip(terms, coded.T, strict=True):
        indices = np.arange(1, len(term.levels))
        blocks.append(column[:, None] == indices if term.levels else column[:, None])
    return np.hstack(blocks).astype(float)


def columns_of(terms: tuple[ClinicalTerm, ...]) -> list[tuple[ClinicalTerm, str]]:
    """Return the term of each column of :func:`expanded`, with its level (empty for a number)."""
    return [(term, level) for term in terms for level in term.levels[1:] or ("",)]


def class_probabilities(log_odds: np.ndarray) -> np.ndarray:
    """Return class probabilities, shape (n, c), from the log-odds of each other class against the first (n, c - 1)."""
    scores = np.column_stack([np.zeros(len(log_odds)), log_odds])
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
