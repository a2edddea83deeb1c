"""From a click to the outline on a full-field view: median and longest of 20 clicks.

python Testing/Benchmarks/bench_proposal.py
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from MammoRadiomicsLib import phantoms, proposal

MODEL = Path(__file__).parents[2] / "MammoRadiomics/Resources/SampleData/phantom_outline.mammosegmenter"
COLUMNS, ROWS, SPACING_MM, CLICKS = 2560, 3328, 0.07, 20


def main() -> None:
    began = time.perf_counter()
    segmenter = proposal.load(MODEL)
    print(f"load the model: {1000 * (time.perf_counter() - began):.0f} ms")
    image, _ = phantoms.mammogram(3, size=(COLUMNS, ROWS), spacing_mm=SPACING_MM, diameter_mm=12)
    times = []
    for i in range(CLICKS):
        began = time.perf_counter()
        found = segmenter.propose(image, (0.4 * COLUMNS + i, ROWS / 2))
        times.append(1000 * (time.perf_counter() - began))
        assert found.mask is not None, found.reason
    print(f"click to outline, {COLUMNS} x {ROWS}: median {np.median(times):.0f} ms, longest {max(times):.0f} ms")


if __name__ == "__main__":
    main()
