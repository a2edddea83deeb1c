"""Try every fault of the tests and write what comes of it as a table: ``python Testing/Faults/table.py FILE.md``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1] / "Python"
_HEADER = "| case | what is said | what is new or different afterwards |\n|---|---|---|\n"


class Outcomes:
    """Collects what the tests record under the name ``fault``: where, case, what is said, what has changed."""

    def __init__(self):
        self.rows: list[tuple[str, str, str, str, bool]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record of a test that has run."""
        if report.when == "call":
            self.rows += [(*value, report.passed) for name, value in report.user_properties if name == "fault"]

    def as_markdown(self) -> str:
        """Return a table for each command and each panel."""
        text = f"{len(self.rows)} faults tried, {sum(row[-1] for row in self.rows)} as expected.\n"
        for where in dict.fromkeys(row[0] for row in self.rows):
            text += f"\n### {where}\n\n{_HEADER}"
            for _, *cells, passed in (row for row in self.rows if row[0] == where):
                case, said, changed = (_cell(cell) for cell in cells)
                text += f"| {case} | {said if passed else f'NOT AS EXPECTED: {said}'} | {changed or 'nothing'} |\n"
        return text


def _cell(text: str) -> str:
    text = re.sub(
        r"/\S*(?:/folder|/test_\w+\d)\b", "FOLDER", "".join(each if each.isprintable() else " " for each in text)
    )
    short = text if len(text) < 300 else f"{text[:300]} ..."
    for character, escape in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;")):
        short = short.replace(character, escape)
    return short


def main(path: str) -> int:
    """Write the table; return pytest's exit code."""
    outcomes = Outcomes()
    files = [str(file) for file in sorted(TESTS.glob("test_faults_*.py"))]
    code = pytest.main(["-q", "--tb=short", "-p", "no:cacheprovider", *files], plugins=[outcomes])
    Path(path).write_text(outcomes.as_markdown(), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
