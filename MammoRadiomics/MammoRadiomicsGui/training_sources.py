"""Where the data of a training comes from: files, or a table of the scene, with the columns named as we name them.

Steps run on files. A table of the scene, and a file whose columns have other names, is written into the results folder
first, and only when it has changed, so that what was made from it stays valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
        self._kindOfTable = self._table and (FEATURES if self._featureNames(self._firstRow()) else COHORT)

    @property
    def cohort(self) -> Path | None:
        return self._path(COHORT)

    @property
    def features(self) -> Path | None:
        return self._path(FEATURES)

    @property
    def generated(self) -> frozenset[Path]:
        """The files that :meth:`write` makes."""
        return frozenset(self._folder / name for name in self._generatedNames())

    def columns(self) -> list[str]:
        """Return the names of the columns that are no features, as they are in the data; InputError if unreadable."""
        name = self._mapped()
        if name is None:
            return []
        rows = self._firstRow() if name == self._kindOfTable else _firstRows(Path(self._paths[name]))
        features = set(self._featureNames(rows))
        return [column for column in rows[0] if column not in features]

    def check(self, outcome: str, spacingMm: float, missing: str) -> dict:
        """Return what is wrong with the cohort, or else with the features, as table_check.summary makes it.

        :param outcome: what is to be predicted.
        :param spacingMm: size of a pixel for rows that do not say; 0 for none.
        :param missing: the setting that says whether a feature may have no value.
        """
        from MammoRadiomicsLib import table_check

        name = self._mapped()
        rows, numbers = self._numberedRows(name)
        how = self._howToCheck(outcome, spacingMm, missing)
        rows = table_check.renamed(rows, self._columns)
        found = table_check.check(rows, self._folderOf(name), numbers=numbers, **how)
        return table_check.summary(found, len(rows))

    def checkRequest(self, outcome: str, spacingMm: float, missing: str) -> tuple[dict, Iterator[dict]]:
        """Return the same as a request to the child process, and the messages that it needs before."""
        source, before = self._source(self._mapped())
        return {"check": {"source": source, **self._howToCheck(outcome, spacingMm, missing)}}, before

    @property
    def title(self) -> str:
        """Name what is checked."""
        name = self._mapped()
        return self._table.GetName() if name == self._kindOfTable else Path(self._paths[name]).name

    def _howToCheck(self, outcome: str, spacingMm: float, missing: str) -> dict:
        features = self._mapped() == FEATURES
        return {"features": features, "outcome": outcome, "spacing_mm": spacingMm or None, "missing": missing}

    def _source(self, name: str) -> tuple[dict, Iterator[dict]]:
        """Return a table as a request names it, and the messages with the rows of one of the scene."""
        from MammoRadiomicsLib import mrml

        of = {"columns": self._columns if name == self._mapped() else {}, "folder": str(self._folderOf(name))}
        if name != self._kindOfTable:
            return of | {"path": str(self._paths[name])}, iter(())
        return of | {"table": self._table.GetID()}, mrml.table_messages(self._table.GetID(), self._table)

    def editableRows(self) -> tuple[list[dict[str, str]], str]:
        """Return the rows of the cohort, or else of the features, with our names and absolute paths, and a title."""
        name = self._mapped()
        return self._located(name), Path(self._paths[name]).stem

    def write(self) -> None:
        """Write the generated files whose content is not what they hold."""
        from MammoRadiomicsLib import table_check

        for name in self._generatedNames():
            table_check.write_copy(self._renamedRows(name), self._folderOf(name), self._folder / name)

    def writeRequests(self) -> list[tuple[dict, Iterator[dict]]]:
        """Return the same as requests to the child process, each with the messages that it needs before."""
        found = [(name, *self._source(name)) for name in self._generatedNames()]
        return [
            ({"copy": {"source": source, "path": str(self._folder / name)}}, before) for name, source, before in found
        ]

    def _generatedNames(self) -> list[str]:
        return [name for name in (COHORT, FEATURES) if self._isGenerated(name)]

    def _path(self, name: str) -> Path | None:
        if self._isGenerated(name):
            return self._folder / name
        return Path(self._paths[name]) if self._paths[name] else None

    def _isGenerated(self, name: str) -> bool:
        return name == self._kindOfTable or bool(self._columns and name == self._mapped())

    def _mapped(self) -> str | None:
        """Return the table whose columns may have other names: the cohort where there is one."""
        return next((name for name in (COHORT, FEATURES) if self._paths[name] or name == self._kindOfTable), None)

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

    def _firstRow(self) -> list[dict[str, str]]:
        from MammoRadiomicsLib import mrml

        return mrml.table_to_rows(self._table, range(1))

    @staticmethod
    def _featureNames(rows: list[dict[str, str]]) -> tuple[str, ...]:
        from MammoRadiomicsLib import table_check

        return table_check.feature_names(rows)

    def _renamedRows(self, name: str) -> list[dict[str, str]]:
        from MammoRadiomicsLib import table_check

        rows, _numbers = self._numberedRows(name)
        return table_check.renamed(rows, self._columns if name == self._mapped() else {})

    def _located(self, name: str) -> list[dict[str, str]]:
        """Return rows whose paths hold good from another folder too."""
        from MammoRadiomicsLib import cohort

        return cohort.located(self._renamedRows(name), self._folderOf(name))


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
