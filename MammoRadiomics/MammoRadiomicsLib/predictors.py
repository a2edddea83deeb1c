"""Clinical columns of a cohort as predictors beside the radscore: which, when they are known, in what unit."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from .clinical import columns, design
from .clinical.columns import BIOPSY, IMAGING, NOT_STATED, SURGERY
from .clinical_terms import RADSCORE, ClinicalTerm, cells, expanded
from .errors import InputError
from .lesions import Lesions
from .tables import FeatureTable, Row, lesion_key

STUDY = "study"
NOT_PREOPERATIVE = "not a preoperative model"
_UNITS = {"years": "years", "mm": "mm", "cm": "cm", "percent": "%"}


@dataclass(frozen=True)
class Predictors:
    """Which clinical columns a model takes.

    Parameters
    ----------
    names : tuple of str
        Columns of the cohort; ``("study",)`` for those of the study's tables, some of which only surgery tells.
    times, references, units : dict
        By column: when it is known, the level that others are compared to, the unit of its numbers; where the library
        does not know, or knows otherwise.
    """

    names: tuple[str, ...]
    times: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    @property
    def of_study(self) -> bool:
        """Whether the study's variables are asked for, for a model that is not for use before surgery."""
        return self.names == (STUDY,)


@dataclass(frozen=True)
class ClinicalColumns:
    """Clinical values of lesions.

    Parameters
    ----------
    terms : tuple of ClinicalTerm
        p of them.
    values : numpy.ndarray
        Shape (n, p), numbers and indices of levels; NaN where missing.
    """

    terms: tuple[ClinicalTerm, ...]
    values: np.ndarray

    def filled(self, known: np.ndarray) -> np.ndarray:
        """Return the values, missing ones filled by the median or the most frequent level of `known` ones (m, p)."""
        fill = np.array([_middle(term, column) for term, column in zip(self.terms, known.T, strict=True)])
        return np.where(np.isnan(self.values), fill, self.values)

    def take(self, rows: np.ndarray) -> ClinicalColumns:
        """Return some of the lesions, by index."""
        return ClinicalColumns(self.terms, self.values[rows])


@dataclass(frozen=True)
class Clinical:
    """Clinical predictors of the lesions of a training.

    Parameters
    ----------
    label : str
        What must be said of models on them; empty for models that may be used before surgery.
    training : ClinicalColumns
        Of the training lesions.
    test : ClinicalColumns or None
        Of the test lesions.
    notes : tuple of str
        Cells that were filled, levels that training lacks, columns that were left out.
    """

    label: str
    training: ClinicalColumns
    test: ClinicalColumns | None
    notes: tuple[str, ...]

    @property
    def terms(self) -> tuple[ClinicalTerm, ...]:
        """The predictors."""
        return self.training.terms

    @property
    def filled(self) -> ClinicalColumns:
        """The training lesions with missing cells filled."""
        return ClinicalColumns(self.terms, self.training.filled(self.training.values))

    def expanded(self, key: str) -> np.ndarray:
        """Return the columns of a regression for ``training`` or ``test`` lesions, missing cells filled; (n, q)."""
        of_rows = self.test if key == "test" and self.test else self.training
        return expanded(self.terms, of_rows.filled(self.training.values))


def _middle(column: ClinicalTerm | columns.Variable, values: np.ndarray) -> float:
    """Return the most frequent level of a category, or the median of a number."""
    values = values[~np.isnan(values)]
    if not values.size:
        raise InputError(f"A fold has no value of {column.name}. Take fewer folds, or leave it out of the predictors.")
    return float(np.bincount(values.astype(int)).argmax() if column.levels else np.median(values))


def names_of(predictors: Predictors, table: FeatureTable, outcome: str) -> tuple[str, ...]:
    """Return the columns that are asked for.

    Raises
    ------
    InputError
        Where one is not there, is the outcome or known only after surgery, or nobody says when it is known.
    """
    available = [name for name in table.rows[0] if name not in columns.KEYS and not _is_outcome(name, outcome)]
    names = tuple(dict.fromkeys(predictors.names))
    if predictors.of_study:
        names = tuple(name for name in available if columns.is_of_study(name))
        if not names:
            raise InputError("The table has none of the study's variables. Give the cohort that holds them.")
    elif STUDY in names:
        raise InputError("'study' stands for all of the study's variables. Give it alone, or name columns.")
    for name in names:
        if name not in available or name == RADSCORE:
            raise InputError(f"{name} cannot be a predictor: {_why_not(name, table, outcome)}.")
        if not predictors.of_study:
            _refuse_time(name, columns.time_of(name, predictors.times))
    for option in (predictors.times, predictors.references, predictors.units):
        if unknown := [name for name in option if name not in names]:
            raise InputError(f"{unknown[0]} is described but is no predictor. Predictors: {', '.join(names)}.")
    return names


def _is_outcome(name: str, outcome: str) -> bool:
    same, predicted = (columns.study_name(each) or columns.plain_name(each) for each in (name, outcome))
    return same == predicted or predicted in columns.TOLD_BY.get(same, ())


def _why_not(name: str, table: FeatureTable, outcome: str) -> str:
    if name not in table.rows[0]:
        return "the table has no such column; give the cohort that holds it"
    if name == RADSCORE:
        return "the score of the features is called so; rename the column"
    return (
        "it is the outcome, part of it or made of it"
        if _is_outcome(name, outcome)
        else "it says who or where, not what"
    )


def _refuse_time(name: str, time: str) -> None:
    if time == SURGERY:
        raise InputError(
            f"{name} is known only after surgery, so it cannot serve a prediction before it. Leave it out; "
            "--predictors study shows what the study's own variables would add."
        )
    if time == NOT_STATED:
        raise InputError(f"It is not known when {name} is known. Say so: --time {name}={IMAGING}, or {BIOPSY}.")
    if time not in columns.TIMES:
        raise InputError(f"The time of {name} is {time!r}. Give one of {', '.join(columns.TIMES)}.")


def with_cells(data: Lesions, table: FeatureTable, names: tuple[str, ...], missing: str) -> Lesions:
    """Return the lesions with the clinical values of all of their rows.

    Parameters
    ----------
    data : Lesions
        Of the table.
    table : FeatureTable
        With the clinical columns.
    names : tuple of str
        From :func:`names_of`.
    missing : {"refuse", "complete", "impute"}
        What becomes of lesions that lack a value, as for features.

    Raises
    ------
    InputError
        For contradictions, and where missing values are refused.
    """
    by_lesion: dict[tuple, list[Row]] = {key: [] for key in data.keys}
    for row in table.rows:
        by_lesion.get(lesion_key(row), []).append(row)
    found = [cells(by_lesion[key], names) for key in data.keys]
    lacking = np.array([not all(each.values()) for each in found])
    if lacking.any() and missing == "refuse":
        first = next(name for name, value in found[int(lacking.argmax())].items() if not value)
        raise InputError(
            f"Case {data.keys[int(lacking.argmax())][0]} has no value of {first}; {lacking.sum()} lesions lack a "
            "clinical value. Leave them out (missing: complete) or fill in medians (missing: impute)."
        )
    data = replace(data, rows=tuple(row | own for row, own in zip(data.rows, found, strict=True)))
    if missing != "complete" or not lacking.any():
        return data
    excluded = {**data.excluded, "a clinical value is missing": int(lacking.sum())}
    return replace(data.take(np.flatnonzero(~lacking)), excluded=excluded)


def terms_of(
    known: Lesions, names: tuple[str, ...], predictors: Predictors
) -> tuple[tuple[ClinicalTerm, ...], dict[str, str]]:
    """Return what training lesions say of the columns, and why any of the study's was left out, by name.

    Raises
    ------
    InputError
        Where a column that was named cannot serve.
    """
    variables, left_out = [], {}
    for name in names:
        try:
            variables.append(columns.variable(name, [row[name] for row in known.rows]))
        except InputError as error:
            left_out[name] = str(error).removeprefix(f"{name} ")
    everywhere = np.arange(len(known.rows))
    filled = [_filled(each) for each in variables]
    left_out |= design.build(filled, everywhere, predictors.references).left_out
    if left_out and not predictors.of_study:
        name, reason = next(iter(left_out.items()))
        raise InputError(f"{name} cannot be a predictor: {reason}. Leave it out.")
    serving = [each for each in variables if each.name not in left_out]
    if not serving:
        raise InputError("None of the predictors can serve: each is empty, constant, or determined by others.")
    return tuple(_term(each, predictors) for each in serving), left_out


def _filled(variable: columns.Variable) -> columns.Variable:
    """Missing values of any column must not decide whether it depends on others."""
    middle = _middle(variable, variable.values)
    return replace(variable, values=np.where(variable.known, variable.values, middle))


def _term(variable: columns.Variable, predictors: Predictors) -> ClinicalTerm:
    name = variable.name
    time = columns.time_of(name, predictors.times)
    if variable.levels:
        first = design.reference_of(variable, predictors.references)
        if name in predictors.units:
            raise InputError(f"{name} is a category ({', '.join(variable.levels)}), which has no unit. Give none.")
        return ClinicalTerm(name, "", time, (first, *(level for level in variable.levels if level != first)))
    if name in predictors.references:
        raise InputError(f"{name} is a number, which has no reference level. Give none.")
    known = variable.values[variable.known]
    unit = predictors.units.get(name) or unit_of(name)
    return ClinicalTerm(name, unit, time, (), float(known.min()), float(known.max()))


def unit_of(name: str) -> str:
    """Return the unit that a column's name states, in brackets or at its end; years of age; else nothing."""
    in_brackets = re.findall(r"[(\[]([^)\]]+)[)\]]", name)
    if in_brackets:
        return in_brackets[-1].strip()
    ending = columns.plain_name(name).rpartition("_")[2]
    return _UNITS.get(ending, "years" if columns.study_name(name) == "age" else "")


def prepared(known: Lesions, kept: Lesions | None, names: tuple[str, ...], predictors: Predictors) -> Clinical:
    """Return the clinical predictors of training and test lesions; what they are is learned from the training's alone.

    Parameters
    names : tuple of str
        From :func:`names_of`.
    ----------
    known, kept : Lesions
        From :func:`with_cells`: training lesions, and test lesions where there are any.
    names : tuple of str
        From :func:`names_of`.
    predictors : Predictors
        What was asked for.

    Raises
    ------
    InputError
        Where a column cannot serve, or a number is none.
    """
    terms, left_out = terms_of(known, names, predictors)
    notes = [f"{name} was left out: {reason}." for name, reason in left_out.items()]
    parts = []
    for lesions, where in ((known, "training"), (kept, "test")):
        if lesions is None:
            continue
        values, unseen = _coded(lesions, terms)
        parts.append(ClinicalColumns(terms, values))
        if count := int(np.isnan(values).any(axis=1).sum()):
            notes.append(f"{count} {where} lesions lack a clinical value; medians and commonest levels stand in.")
        notes += [f"{name}: {n} {where} lesions have a level that training lacks." for name, n in unseen.items()]
    return Clinical(NOT_PREOPERATIVE if predictors.of_study else "", parts[0], parts[1] if kept else None, tuple(notes))


def _coded(data: Lesions, terms: tuple[ClinicalTerm, ...]) -> tuple[np.ndarray, Counter]:
    """Return the values of lesions, shape (n, p), and how many of each column have a level that training lacks.

    Such a level counts as the reference, here as in every fold: there is nothing to know of it.
    """
    values, unseen = np.full((len(data.rows), len(terms)), np.nan), Counter[str]()
    for i, term in enumerate(terms):
        for row, of_lesion in enumerate(data.rows):
            try:
                values[row, i] = term.read(of_lesion[term.name])
            except ValueError as error:
                if not term.levels:
                    case = data.keys[row][0]
                    raise InputError(f"Case {case} has no number in the column {term.name}. Correct it.") from error
                values[row, i] = 0.0
                unseen[term.name] += 1
    return values, unseen
