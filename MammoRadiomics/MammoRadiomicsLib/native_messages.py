"""What libjpeg says while GDCM decodes: it goes to the process's standard error, past Python.

Two of its sentences are about attempts that GDCM makes in vain and mean nothing; one means that pixels are damaged,
of which GDCM says nothing at all.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_MEANINGLESS = ("Unsupported JPEG data precision 12", "Invalid SOS parameters for sequential JPEG")
DAMAGE = "Corrupt JPEG data"


@contextmanager
def caught() -> Iterator[list[str]]:
    """Catch what is written to standard error meanwhile; the list holds its lines afterwards.

    A process without a standard error, such as a program without a console, catches nothing.
    """
    lines: list[str] = []
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError):
        yield lines
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            lines += [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    for line in lines:
        if line not in _MEANINGLESS and not line.startswith(DAMAGE):
            logging.getLogger(__name__).warning("The decoder says: %s", line)
