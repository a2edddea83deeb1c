"""The whole clinical analysis of a table: units, Table 1, regressions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .. import __version__
from ..errors import DependencyError, InputError
from ..progress import Progress, silent
from ..tables import Row
from . import baseline, columns, outcomes, regression, units
from .columns import Variable
from .outcomes import Outcome
from .regression import Sample
from .units import Units

STUDY = "study"
NOT_PREOPERATIVE = "not a preoperative model"
# What HER2 is made of explains nothing about it.
_PARTS_OF_HER2 = ("her2_ihc", "her2_fish")
_TRAINING = ("train", "training")
_MOST_SIDES = 6
_MOST_PREDICTORS = 60


@dataclass(frozen=True)
class ClinicalSettings:
    """What to analyse, and how.

    Parameters
    ----------
    outcome : str
        ``slnm``, ``her2`` or any column.
    split : str
        Column that says which side a unit is on; empty for none. Regressions use the side called train or training.
    unit : {"lesion", "breast", "patient"}
        What is counted.
    columns : dict
        Other people's column names by ours.
    predictors : tuple of str
        Columns; ``("study",)`` for the study's variables, empty for all that are known before surgery.
    references : dict
        Reference level by column.
    times : dict
        ``imaging``, ``biopsy`` or ``surgery`` by column, where the library does not know.
    """

    outcome: str
    split: str = ""
    unit: str = "lesion"
    columns: dict[str, str] = field(default_factory=dict)
    predictors: tuple[str, ...] = ()
    references: dict[str, str] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)

    def validate(self) -> None:
        """Raise InputError where a setting cannot be used."""
        if self.unit not in units.UNITS:
            raise InputError(f"The unit {self.unit!r} is none of {', '.join(units.UNITS)}.")
        if self.split == self.outcome:
            raise InputError(f"{self.outcome} cannot be the outcome and the split.")
        for name, time in self.times.items():
            if time not in columns.TIMES:
                raise InputError(f"The time {time!r} of {name} is none of {', '.join(columns.TIMES)}.")


def analyse(rows: list[Row], settings: ClinicalSettings, progress: Progress = silent) -> dict:
    """Analyse a table; the result holds every number and no name of a patient.

    Parameters
    ----------
    rows : list of dict
        As :func:`~..tables.read_rows` gives them.

    Returns
    -------
    dict
        JSON-able: ``outcome``, ``unit``, ``units``, ``patients``, ``excluded``, ``columns``, ``not_analysed``,
        ``label``, ``notes``, ``tables`` (Table 1 by split and by outcome), ``regressions``, ``settings``, ``versions``.

    Raises
    ------
    InputError
        When the table or a setting cannot be used.
    DependencyError
        Without statsmodels.
    """
    settings.validate()
    _need_statsmodels()
    rows = units.with_her2(columns.renamed(rows, settings.columns))
    always = tuple(filter(None, (settings.outcome, settings.split)))
    found, variables, unusable = units.gather(rows, settings.unit, always)
    variables = [_with_time(each, settings) for each in variables]
    outcome = outcomes.read(settings.outcome, found.column(settings.outcome), settings.references)
    sides = _sides(found, settings.split) if settings.split else {}
    predictors = _predictors(variables, unusable, settings)
    _check_names(settings, variables, outcome)
    training = _training(sides, len(found.rows))
    return {
        "outcome": _outcome_facts(outcome),
        "unit": settings.unit,
        "table_rows": found.table_rows,
        "units": len(found.rows),
        "patients": len(np.unique(found.patients)),
        "excluded": [*found.excluded, *_without_outcome(rows, found, outcome)],
        "columns": [
            {"column": each.name, "time": each.time, "predictor": each in predictors} for each in variables
        ],
        "not_analysed": unusable,
        "label": NOT_PREOPERATIVE if any(each.time == columns.SURGERY for each in predictors) else "",
        "notes": [*_notes(predictors, variables, settings), *_notes_on_rows(found, sides, settings)],
        "tables": _tables(variables, outcome, sides, settings),
        "regressions": regression.analyse(
            predictors, outcome, Sample(found.patients, np.flatnonzero(training), settings.references), progress
        ),
        "settings": vars(settings) | {"predictors": list(settings.predictors)},
        "versions": _versions(),
    }  # fmt: skip


def _need_statsmodels() -> None:
    try:
        import statsmodels  # noqa: F401
    except ImportError as error:
        raise DependencyError("The clinical analysis needs the Python package statsmodels. Install it.") from error


def _versions() -> dict[str, str]:
    import scipy
    import statsmodels

    versions = {"MammoRadiomics": __version__, "numpy": np.__version__}
    return versions | {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__}


def _with_time(variable: Variable, settings: ClinicalSettings) -> Variable:
    time = columns.time_of(variable.name, settings.times)
    return Variable(variable.name, time, variable.values, variable.levels)


def _sides(found: Units, split: str) -> dict[str, np.ndarray]:
    """Return which units each side of the split has, the training side first."""
    cells = np.array(found.column(split), dtype=object)
    names = sorted(set(cells) - {""}, key=lambda name: (not name.lower().startswith("train"), name))
    if not 2 <= len(names) <= _MOST_SIDES:
        raise InputError(f"The column {split} has {len(names)} different values; a split has 2 to {_MOST_SIDES}.")
    owner: dict[str, str] = {}
    for patient, side in zip(found.patients, cells, strict=True):
        if side and owner.setdefault(patient, side) != side:
            raise InputError(f"A patient is in {owner[patient]} and in {side} of {split}. A patient belongs to one.")
    return {name: cells == name for name in names}


def _training(sides: dict[str, np.ndarray], n: int) -> np.ndarray:
    for name, mask in sides.items():
        if name.lower() in _TRAINING:
            return mask
    return np.ones(n, bool)


def _predictors(variables: list[Variable], unusable: dict[str, str], settings: ClinicalSettings) -> list[Variable]:
    by_name = {each.name: each for each in variables}
    if settings.predictors == (STUDY,):
        chosen = [each for each in variables if columns.is_of_study(each.name)]
    elif settings.predictors:
        chosen = []
        for name in settings.predictors:
            if name not in by_name:
                reason = unusable.get(name) or _why_no_predictor(name, settings.outcome, by_name)
                raise InputError(f"{name} cannot be a predictor: {reason}.")
            chosen.append(by_name[name])
    else:
        spoken_for = _PARTS_OF_HER2 if "her2" in (*by_name, settings.outcome) else ()
        chosen = [each for each in variables if each.time != columns.SURGERY and each.name not in spoken_for]
        predicted = columns.study_name(settings.outcome)
        chosen = [each for each in chosen if predicted not in columns.TOLD_BY.get(columns.study_name(each.name), ())]
    if not chosen:
        raise InputError("No column is left to explain the outcome. Name some with --predictors.")
    if len(chosen) > _MOST_PREDICTORS:
        raise InputError(
            f"{len(chosen)} columns would explain the outcome; more than {_MOST_PREDICTORS} mean nothing. "
            "Name those to use with --predictors."
        )
    return chosen


def _why_no_predictor(name: str, outcome: str, known: Iterable[str]) -> str:
    if name == outcome:
        return "it is the outcome"
    if name in columns.KEYS:
        return "it says whose image or outline a row is of, and is not analysed"
    return f"the table has no such column among {', '.join(known)}"


def _check_names(settings: ClinicalSettings, variables: list[Variable], outcome: Outcome) -> None:
    known = {each.name for each in variables}
    for option, names in (("reference", {*settings.references} - {outcome.name}), ("time", settings.times)):
        for name in names:
            if name not in known:
                raise InputError(f"--{option} names {name}, which is no column that is analysed.")


def _outcome_facts(outcome: Outcome) -> dict:
    counts = {name: int((outcome.target == i).sum()) for i, name in enumerate(outcome.classes)}
    return {"name": outcome.name, "counts": counts, "unknown": int((~outcome.known).sum()), "ordered": outcome.ordered}


def _without_outcome(rows: list[Row], found: Units, outcome: Outcome) -> list[dict]:
    """Say how many units the regressions lack because their outcome is unknown."""
    unknown = int((~outcome.known).sum())
    if not unknown:
        return []
    reason = "no outcome, not in the regressions"
    if outcome.name == "her2" and "her2_ihc" in rows[0]:
        reason = f"no outcome ({units.UNKNOWN_FISH}, or no IHC), not in the regressions"
    return [{"reason": reason, "column": outcome.name, "units": unknown}]


def _notes(predictors: list[Variable], variables: list[Variable], settings: ClinicalSettings) -> list[str]:
    notes, known = [], [each.name for each in predictors]
    late = [each.name for each in variables if each.time == columns.SURGERY]
    used = [name for name in late if name in known]
    if used:
        notes.append(f"This is {NOT_PREOPERATIVE}: known only after surgery are {', '.join(used)}.")
    elif late and not settings.predictors:
        notes.append(f"Known only after surgery and not used: {', '.join(late)}.")
    unstated = [each.name for each in predictors if each.time == columns.NOT_STATED]
    if unstated:
        notes.append(
            f"When these are known was not stated: {', '.join(unstated)}. Say it, as in --time {unstated[0]}=imaging; "
            "a model for prediction takes no column without it."
        )
    if settings.predictors == (STUDY,):
        absent = sorted(columns.STUDY - {columns.study_name(name) for name in (*known, settings.outcome)})
        notes.append(
            "The study's variables, coded by level against a reference; the study coded each as one number."
            + (f" Not in the table: {', '.join(absent)}." if absent else "")
        )
    return notes


def _notes_on_rows(found: Units, sides: dict, settings: ClinicalSettings) -> list[str]:
    notes, patients = [], len(np.unique(found.patients))
    if sides:
        side = next((name for name in sides if name.lower() in _TRAINING), None)
        used = f"the units of {side}" if side else f"all units, as {settings.split} has no side called train"
        notes.append(f"Regressions use {used}.")
    if patients < len(found.patients):
        notes.append(
            f"{patients} patients have {len(found.patients)} units, which the P values of Table 1 take for independent."
        )
    return notes


def _tables(variables: list[Variable], outcome: Outcome, sides: dict, settings: ClinicalSettings) -> list[dict]:
    tables = []
    if sides:
        unplaced = ~np.any(list(sides.values()), axis=0)
        apart = {f"no {settings.split}": unplaced} if unplaced.any() else {}
        tables.append(baseline.table([outcome.as_variable(), *variables], settings.split, sides, apart))
    classes = {name: outcome.target == i for i, name in enumerate(outcome.classes)}
    apart = {} if outcome.known.all() else {f"no {outcome.name}": ~outcome.known}
    tables.append(baseline.table(variables, outcome.name, classes, apart))
    return tables
