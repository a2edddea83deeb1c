"""``python -m MammoRadiomicsLib``."""

import io
import sys

from .command_line import main

# Names of files and patients may have letters that the terminal's encoding lacks.
if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(errors="backslashreplace")
raise SystemExit(main())
