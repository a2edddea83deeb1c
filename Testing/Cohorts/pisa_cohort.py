r"""A cohort.csv of the Pisa masses (see SOURCE.txt in their folder), to run `extract`, `stability` and `train` on.

    python Testing/Cohorts/pisa_cohort.py --data ../shared/data/pisa_masses --output pisa
    python -m MammoRadiomicsLib extract --cohort pisa/cohort.csv --preset Testing/Cohorts/pisa_binwidth_5.yaml \
        --output pisa/features.csv

The outlines of reader `reference` are the data set's own. Those of reader `algorithm` were drawn by a published
algorithm, for 106 of the masses; they serve the agreement of features where a second person's outlines would.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

# Of the reference outlines, 2 have 17 pixels, too few for texture; of the algorithm's, 1.
FEWEST_PIXELS = 20
# The data set does not state the size of a pixel; this is what its masses were analysed with before.
SPACING_MM = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder pisa_masses, with labels.csv")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    rows = write_cohort(options.data, options.output)
    print(summary(rows), options.output / "cohort.csv", sep="\n")


def write_cohort(data: Path, output: Path) -> list[dict]:
    """Copy the images, write the outlines as masks of 0 and 1, and list them in a cohort.csv; return its rows."""
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        masses = list(csv.DictReader(file))
    for name in ("images", "masks"):
        (output / name).mkdir(parents=True, exist_ok=True)
    rows = [row for mass in masses for row in _rows_of(mass, data, output)]
    with (output / "cohort.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _rows_of(mass: dict[str, str], data: Path, output: Path) -> list[dict]:
    """Write the files of one mass and return a row for each usable outline, none without a usable reference."""
    name = mass["id"]
    image = data / "image_125" / f"{name}.pgm"
    outlines = {"reference": data / "ref_mask" / f"{name}.pgm", "algorithm": data / "second_mask" / f"{name}.png"}
    rows = []
    for reader, path in outlines.items():
        inside = _outline(path) if path.exists() else np.zeros((0, 0), bool)
        if inside.sum() < FEWEST_PIXELS:
            # The algorithm's outline alone has nothing to be compared with.
            break
        mask = f"masks/{name}_{reader}.png"
        Image.fromarray(inside.astype(np.uint8)).save(output / mask)
        # Files of one case are its masses or its other views, which is not told apart; each counts as a lesion.
        keys = {"patient_id": mass["case_prefix"], "lesion_id": name, "reader": reader}
        files = {"image": f"images/{image.name}", "mask": mask, "label": 1, "pixel_spacing_mm": SPACING_MM}
        rows.append(keys | files | {"malignant": int(mass["malignant"])})
    if rows:
        shutil.copyfile(image, output / "images" / image.name)
    return rows


def _outline(path: Path) -> np.ndarray:
    """Return whether each pixel is inside; the algorithm's masks have a row and a column more than the images."""
    with Image.open(path) as mask:
        return np.asarray(mask)[:125, :125] > 0


def summary(rows: list[dict]) -> str:
    """Say how many masses, cases and outlines there are."""
    reference = [row for row in rows if row["reader"] == "reference"]
    malignant = sum(row["malignant"] for row in reference)
    cases = {row["patient_id"] for row in reference}
    return (
        f"{len(reference)} masses ({malignant} malignant, {len(reference) - malignant} benign) of {len(cases)} cases "
        f"with a reference outline of {FEWEST_PIXELS} pixels or more; {len(rows) - len(reference)} of them also have "
        "one by the algorithm."
    )


if __name__ == "__main__":
    main()
