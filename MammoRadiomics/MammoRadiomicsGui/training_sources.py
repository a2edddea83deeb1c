"""Where the data of a training comes from: files, or a table of the scene, with the columns named as we name them.

Steps run on files. A table of the scene, and a file whose columns have other names, is written into the results folder
first, and only when it has changed, so that what was made from it stays valid.
"""

from __future__ import annotations

from pathlib import Path

from . import training_problems
from .training_data import columnMap

COHORT, FEATURES = "inputs-cohort.csv", "inputs-features.csv"


class Sources:
    """The tables that a parameter node names.

    :param parameterNode: with cohortPath, featuresPath, table, columns and outputFolder.
    """

    def __init__(self, parameterNode):
        self._table = parameterNode.table
        self._columns = columnMap(parameterNode.columns)
        self._folder = Path(parameterNode.outputFolder)
        self._paths = {COHORT: parameterNode.cohortPath, FEATURES: parameterNode.featuresPath}
        self._kindOfTable = self._table and (
            FEATURES if training_problems.featureNames(self._tableRows()[:1]) else COHORT
        )

    @property
    def cohort(self) -> Path | None:
        return self._path(COHORT)

    @property
    def features(self) -> Path | None:
        return self._path(FEATURES)

    @property
    def generated(self) -> frozenset[Path]:
        """The files that :meth:`write` makes."""
        return frozenset(self._folder / name for name in (COHORT, FEATURES) if self._isGenerated(name))

    def columns(self) -> list[str]:
        """Return the names of the columns that are no features, as they are in the data; InputError if unreadable."""
        name = self._mapped()
        if name is None:
            return []
        rows = self._tableRows()[:1] if name == self._kindOfTable else _firstRows(Path(self._paths[name]))
        features = set(training_problems.featureNames(rows))
        return [column for column in rows[0] if column not in features]

    def problems(self, outcome: str, spacingMm: float, missing: str) -> tuple[list, str]:
        """Return what is wrong with the cohort, or else with the features, and what was checked.

        :param outcome: what is to be predicted.
        :param spacingMm: size of a pixel for rows that do not say; 0 for none.
        :param missing: the setting that says whether a feature may have no value.
        :return: list of MammoRadiomicsLib.cohort_check.Problem, and a name.
        """
        name = self._mapped()
        rows, numbers = self._numberedRows(name)
        rows = renamed(rows, self._columns)
        title = self._table.GetName() if name == self._kindOfTable else Path(self._paths[name]).name
        if name == COHORT:
            found = training_problems.ofCohort(rows, numbers, self._folderOf(name), spacingMm or None)
        else:
            found = training_problems.ofFeatures(rows, numbers, self._folderOf(name), missing)
        return [*training_problems.ofOutcome(rows, outcome), *found], f"{title}: {len(rows)}"

    def editableRows(self) -> tuple[list[dict[str, str]], str]:
        """Return the rows of the cohort, or else of the features, with our names and absolute paths, and a title."""
        name = self._mapped()
        return self._located(name), Path(self._paths[name]).stem

    def write(self) -> None:
        """Write the generated files whose content is not what they hold."""
        from MammoRadiomicsLib import files, tables

        for name in (COHORT, FEATURES):
            path = self._folder / name
            if self._isGenerated(name):
                text = tables.rows_to_csv(self._located(name))
                if not path.is_file() or path.read_text(encoding="utf-8") != text:
                    files.write_atomically(path, text)

    def _path(self, name: str) -> Path | None:
        if self._isGenerated(name):
            return self._folder / name
        return Path(self._paths[name]) if self._paths[name] else None

    def _isGenerated(self, name: str) -> bool:
        return name == self._kindOfTable or bool(self._columns and name == self._mapped())

    def _mapped(self) -> str | None:
        """Return the table whose columns may have other names: the cohort where there is one."""
        return next((name for name in (COHORT, FEATURES) if self._paths[name] or name == self._kindOfTable), None)

    def _originalRows(self, name: str) -> list[dict[str, str]]:
        return self._numberedRows(name)[0]

    def _numberedRows(self, name: str) -> tuple[list[dict[str, str]], list[int]]:
        """Return rows and where they stand in their table, the header being row 1."""
        from MammoRadiomicsLib import tables

        if name != self._kindOfTable:
            return tables.read_numbered_rows(self._paths[name])
        rows = self._tableRows()
        return rows, list(range(2, len(rows) + 2))

    def _folderOf(self, name: str) -> Path:
        return self._folder if name == self._kindOfTable else Path(self._paths[name]).parent

    def _tableRows(self) -> list[dict[str, str]]:
        from MammoRadiomicsLib import mrml

        return mrml.table_to_rows(self._table)

    def _located(self, name: str) -> list[dict[str, str]]:
        """Return rows whose paths hold good from another folder too."""
        from MammoRadiomicsLib import cohort

        rows = renamed(self._originalRows(name), self._columns if name == self._mapped() else {})
        return cohort.located(rows, self._folderOf(name))


def _firstRows(path: Path) -> list[dict[str, str]]:
    """Return the first rows of a file, for its columns: a cohort with a thousand features takes a second to read."""
    import itertools
    import tempfile

    from MammoRadiomicsLib import tables
    from MammoRadiomicsLib.errors import InputError

    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    with tempfile.TemporaryDirectory() as folder:
        head = Path(folder) / path.name
        with path.open("rb") as file:
            # The header, a row, and the line that tells Excel the delimiter.
            head.write_bytes(b"".join(itertools.islice(file, 3)))
        try:
            return tables.read_rows(head)
        except InputError:
            # Not lines of text, such as an Excel file.
            return tables.read_rows(path)


def renamed(rows: list[dict[str, str]], columns: dict[str, str]) -> list[dict[str, str]]:
    """Return rows with our names for the columns that a map from our names to theirs tells."""
    if not columns:
        return rows
    ours = {theirs: name for name, theirs in columns.items()}
    return [
        {ours.get(name, name): cell for name, cell in row.items() if name in ours or name not in columns}
        for row in rows
    ]
