"""Where the reference data that is not part of the project may be found."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def shared_folder(name: str) -> Path:
    """Return ``../shared/data/NAME``, or skip the test with the reason."""
    folder = PROJECT.parent / "shared" / "data" / name
    if not folder.is_dir():
        pytest.skip(f"the reference data {name} is not beside the project")
    return folder
