"""From variables to the columns of a regression: levels against a reference, and which columns depend on others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from . import columns
from .columns import Variable


@dataclass(frozen=True)
class Term:
    """One column of a regression: a quantity, or a level against the reference.

    Parameters
    ----------
    variable, level, reference : str
        The level and the reference are empty for a quantity, whose unit is 1.
    """

    variable: str
    level: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Design:
    """Columns of a regression over some units.

    Parameters
    ----------
    matrix : numpy.ndarray
        Shape (n, p), without a constant column, of full rank beside one.
    terms : tuple of Term
        What each column is.
    rows : numpy.ndarray
        Which units it has, indices: those with a value of every variable.
    left_out : dict
        Why a variable or level that was asked for is missing, by name.
    """

    matrix: np.ndarray
    terms: tuple[Term, ...]
    rows: np.ndarray
    left_out: dict[str, str]

    @property
    def variables(self) -> dict[str, list[int]]:
        """The columns of each variable."""
        found: dict[str, list[int]] = {}
        for i, term in enumerate(self.terms):
            found.setdefault(term.variable, []).append(i)
        return found


def build(variables: list[Variable], rows: np.ndarray, references: dict[str, str]) -> Design:
    """Return the design of some variables on the units that have a value of each.

    Parameters
    ----------
    variables : list of Variable
        In the order in which they enter; one that those before it determine is left out.
    rows : numpy.ndarray
        Indices of the units that may serve.
    references : dict
        Reference level by variable; see :func:`reference_of` for the others.

    Raises
    ------
    InputError
        When a reference is no level of its variable.
    """
    for variable in variables:
        rows = rows[variable.known[rows]]
    blocks, terms, left_out = [np.ones((len(rows), 1))], [], {}
    for variable in variables:
        block, of_block = _coded(variable.take(rows), references)
        if not of_block:
            left_out[variable.name] = "one value only among the units that serve"
        elif _rank([*blocks, block]) < sum(each.shape[1] for each in blocks) + block.shape[1]:
            left_out[variable.name] = "determined by the variables before it"
        else:
            blocks.append(block)
            terms += of_block
    return Design(np.hstack(blocks)[:, 1:], tuple(terms), rows, left_out)


def _coded(variable: Variable, references: dict[str, str]) -> tuple[np.ndarray, list[Term]]:
    """Return the columns of a variable; levels that no unit has are dropped."""
    if not variable.levels:
        constant = not variable.values.size or np.ptp(variable.values) == 0
        # Centred for the numbers' sake: slopes stay the same.
        centred = variable.values - (variable.values.mean() if variable.values.size else 0)
        return centred[:, None], [] if constant else [Term(variable.name)]
    reference = reference_of(variable, references)
    shown = [
        (i, level)
        for i, level in enumerate(variable.levels)
        if level != reference and np.any(variable.values == i)
    ]  # fmt: skip
    if len(np.unique(variable.values)) < 2:
        return np.zeros((len(variable.values), 0)), []
    columns_of = np.column_stack([variable.values == i for i, _ in shown]).astype(float)
    return columns_of, [Term(variable.name, level, reference) for _, level in shown]


def reference_of(variable: Variable, references: dict[str, str]) -> str:
    """Return the level that others are compared to: the one asked for, Han of ethnicity, else the most frequent."""
    asked = references.get(variable.name)
    if asked is not None:
        if asked not in variable.levels:
            raise InputError(f"{variable.name} has no level {asked!r} for a reference: {', '.join(variable.levels)}.")
        return asked
    counts = [np.count_nonzero(variable.values == i) for i in range(len(variable.levels))]
    if columns.study_name(variable.name) == "ethnicity":
        for level, count in zip(variable.levels, counts, strict=True):
            if level.lower() == "han" and count:
                return level
    return variable.levels[int(np.argmax(counts))]


def _rank(blocks: list[np.ndarray]) -> int:
    matrix = np.hstack(blocks)
    size = np.sqrt((matrix**2).mean(axis=0))
    return int(np.linalg.matrix_rank(matrix / np.where(size > 0, size, 1), tol=1e-7 * np.sqrt(max(matrix.shape))))


def inflation(design: Design) -> dict[str, dict[str, float]]:
    """Return the generalised variance inflation factor of each variable (Fox and Monette, JASA 1992; 87: 178).

    Returns
    -------
    dict
        ``gvif``, its degrees of freedom ``df``, and ``vif``, the factor by which the squared width of an interval
        grows: ``gvif ** (1 / df)``; for one column the usual VIF. Empty for a single variable.
    """
    if len(design.variables) < 2:
        return {}
    correlation = np.corrcoef(design.matrix, rowvar=False)
    total = np.linalg.slogdet(correlation)[1]
    found = {}
    for name, own in design.variables.items():
        others = np.setdiff1d(np.arange(len(correlation)), own)
        parts = [np.linalg.slogdet(correlation[np.ix_(each, each)])[1] for each in (own, others.tolist())]
        gvif = float(np.exp(sum(parts) - total))
        found[name] = {"gvif": gvif, "df": len(own), "vif": gvif ** (1 / len(own))}
    return found
