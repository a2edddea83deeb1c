"""ComBat: features of several scanners or centres brought to one location and scale.

Johnson, Li and Rabinovic, Biostatistics 2007; 8: 118, with parametric priors. The outcome has no part in it: with the
outcome in its design ComBat would carry labels into the features. It is fitted on training rows only. A centre whose
share of outcomes differs loses some of its signal, so results without harmonisation belong beside those with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .errors import InputError

REFUSE, LEAVE = "refuse", "leave"
ARRAYS = ("centre", "scale", "shift", "spread")
FEWEST_ROWS = 3
_FEWEST_FEATURES_FOR_PRIORS = 3
_PRECISION, _MOST_STEPS = 1e-8, 10_000


@dataclass(frozen=True)
class Combat:
    """What ComBat learned.

    Parameters
    ----------
    batches : tuple of str
        Scanners or centres.
    centre, scale : numpy.ndarray
        Shape (k,): mean over batches and pooled standard deviation within them, of each feature.
    shift, spread : numpy.ndarray
        Shape (batches, k): location and variance of each batch, in units of `scale`, drawn towards the mean over the
        features.
    transductive : tuple of str
        Batches that came later, from rows that were to be predicted: without outcomes, but not unseen.
    """

    batches: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    spread: np.ndarray
    transductive: tuple[str, ...] = ()

    def apply(self, values: np.ndarray, batch: np.ndarray, unknown: str = REFUSE) -> tuple[np.ndarray, np.ndarray]:
        """Return harmonised values, and which rows were left as they were.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (n, k).
        batch : numpy.ndarray
            Shape (n,), text.
        unknown : {"refuse", "leave"}
            What to do with rows of a batch that was not fitted.

        Returns
        -------
        numpy.ndarray
            Shape (n, k).
        numpy.ndarray
            Shape (n,), boolean: rows of an unknown batch.

        Raises
        ------
        InputError
            For an unknown batch, unless it is to be left.
        """
        left = ~np.isin(batch, self.batches)
        if left.any() and unknown == REFUSE:
            name = str(batch[left][0])
            raise InputError(
                f"The scanner or centre {name!r} was not among those that were harmonised ({', '.join(self.batches)}). "
                "Leave its rows as they are, and say so, or train with rows of it."
            )
        harmonised = values.astype(float)
        for i, name in enumerate(self.batches):
            rows = batch == name
            standard = (harmonised[rows] - self.centre) / self.scale
            harmonised[rows] = (standard - self.shift[i]) / np.sqrt(self.spread[i]) * self.scale + self.centre
        return harmonised, left

    def with_batch(self, values: np.ndarray, name: str) -> Combat:
        """Return this with one more batch, from its rows without outcomes; the others stay as they are.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (n, k), all of the new batch.

        Raises
        ------
        InputError
            When the batch is known, or has too few rows.
        """
        if name in self.batches:
            raise InputError(f"{name} is harmonised already.")
        _check_rows(len(values), name)
        shift, spread = _drawn_together((values - self.centre) / self.scale)
        return replace(
            self,
            batches=(*self.batches, name),
            shift=np.vstack([self.shift, shift]),
            spread=np.vstack([self.spread, spread]),
            transductive=(*self.transductive, name),
        )

    def of_columns(self, columns: np.ndarray) -> Combat:
        """Return the same for some of the features, by index: what a model keeps for those that it selected."""
        return replace(
            self,
            centre=self.centre[columns],
            scale=self.scale[columns],
            shift=self.shift[:, columns],
            spread=self.spread[:, columns],
        )


def fit(values: np.ndarray, batch: np.ndarray) -> Combat:
    """Learn location and scale of each batch, from training rows.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, k), finite.
    batch : numpy.ndarray
        Shape (n,), text: the scanner or centre of each row.

    Raises
    ------
    InputError
        With fewer than two batches, or fewer than three rows of one.
    """
    batches = tuple(sorted({str(each) for each in batch}))
    if len(batches) < 2:
        raise InputError("Harmonisation needs two scanners or centres; the training rows have one.")
    groups = [values[batch == name] for name in batches]
    for name, group in zip(batches, groups, strict=True):
        _check_rows(len(group), name)
    centre = values.mean(axis=0)
    pooled = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups) / len(values)
    # A feature that does not vary within any batch has no scale; its rows are only moved.
    scale = np.sqrt(np.where(pooled > 0, pooled, 1.0))
    found = [_drawn_together((group - centre) / scale) for group in groups]
    shift, spread = (np.array(each) for each in zip(*found, strict=True))
    return Combat(batches, centre, scale, shift, spread)


def check(batch: np.ndarray, rows: np.ndarray) -> None:
    """Refuse training rows, given by index, that lack a batch or have too few rows of it."""
    for name in np.unique(batch).tolist():
        count = int((batch[rows] == name).sum())
        if count < FEWEST_ROWS:
            raise InputError(
                f"Of the scanner or centre {name!r} only {count} lesions are left to learn from in a fold; "
                f"harmonisation needs {FEWEST_ROWS}. Leave it out of the table or join it to another."
            )


def reference(values: np.ndarray, name: str) -> Combat:
    """Return what leaves one batch as it is, so that others can be brought to it with :meth:`Combat.with_batch`.

    ComBat with a reference batch: Stein et al., BMC Bioinformatics 2015; 16: 63.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, k), finite, all of the batch.
    name : str
        Of the batch.
    """
    _check_rows(len(values), name)
    scale = values.std(axis=0)
    k = values.shape[1]
    scale = np.where(scale > 0, scale, 1.0)
    return Combat((name,), values.mean(axis=0), scale, np.zeros((1, k)), np.ones((1, k)))


def _check_rows(count: int, name: str) -> None:
    if count < FEWEST_ROWS:
        rows = "row" if count == 1 else "rows"
        raise InputError(f"{name} has {count} {rows}; harmonisation needs at least {FEWEST_ROWS}. Leave it out.")


def _drawn_together(standard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shift and spread of a batch, shape (k,) each, drawn towards their mean over the features.

    The shift has a normal and the spread an inverse gamma prior, whose parameters are the moments over the features;
    both are solved for in turns.
    """
    n = len(standard)
    shift, spread = standard.mean(axis=0), standard.var(axis=0, ddof=1)
    varying = spread > 0
    if np.count_nonzero(varying) < _FEWEST_FEATURES_FOR_PRIORS:
        return shift, np.where(varying, spread, 1.0)
    standard, raw = standard[:, varying], shift[varying]
    mean, variance = raw.mean(), raw.var(ddof=1)
    middle, scatter = spread[varying].mean(), spread[varying].var(ddof=1)
    if not (variance > 0 and scatter > 0):
        return shift, np.where(varying, spread, 1.0)
    shape, rate = 2 + middle**2 / scatter, middle + middle**3 / scatter
    drawn, width = raw, spread[varying]
    for _ in range(_MOST_STEPS):
        before = drawn, width
        drawn = (n * variance * raw + width * mean) / (n * variance + width)
        width = (((standard - drawn) ** 2).sum(axis=0) / 2 + rate) / (n / 2 + shape - 1)
        if max(np.abs(drawn - before[0]).max(), np.abs(width - before[1]).max()) < _PRECISION:
            break
    shift[varying] = drawn
    full = np.ones(len(varying))
    full[varying] = width
    return shift, full
