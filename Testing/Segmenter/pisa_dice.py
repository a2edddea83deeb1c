r"""How well proposed outlines agree with the reference on the Pisa masses, by folds of cases (see Testing/Cohorts).

    python Testing/Segmenter/pisa_dice.py --data ../shared/data/pisa_masses --output pisa-outlines --fold 0 (and 1 to 4)
    python Testing/Segmenter/pisa_dice.py --data ../shared/data/pisa_masses --output pisa-outlines

The first line trains on the other cases and keeps the network, the second measures all of them. Beside the network
stand a disc at the click, Otsu's threshold around it, and the published algorithm's outlines. A cohort.csv of all
outlines is written for the stability of features. What is learned here must not be shipped.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from MammoRadiomicsLib import cohort, network_file, progress, proposal
from MammoRadiomicsLib.outline_patch import component_at
from MammoRadiomicsLib.segmenter import card, measuring
from MammoRadiomicsLib.segmenter.cases import dice, of_reader, pixels_of
from MammoRadiomicsLib.segmenter.draws import disc
from MammoRadiomicsLib.segmenter.settings import SegmenterSettings
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "Cohorts"))
import pisa_cohort

# An element of the image is 0.8 mm there, so 64 of them are the patch, and the click misses by 4 mm at most.
SETTINGS = SegmenterSettings(patch_mm=51.2, pixels=64, epochs=50, patience=50, background=0.1)
SHIFT_PIXELS = 5
# The median area of the reference outlines is 183 pixels.
DISC_RADIUS = (183 / np.pi) ** 0.5
OTSU_HALF_SIDE = 20
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder pisa_masses, with labels.csv")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--fold", type=int, help="train for this fold, from 0")
    options = parser.parse_args()
    # Every outline counts here, also those too small for texture.
    pisa_cohort.FEWEST_PIXELS = 1
    pisa_cohort.write_cohort(options.data, options.output)
    rows = cohort.read_cohort(options.output / "cohort.csv")
    if options.fold is None:
        measure(rows, options.output)
    else:
        learn(of_reader(rows, ""), options.fold, options.output)


def learn(rows: list[dict], fold: int, output: Path) -> None:
    """Train the network of one fold and keep it."""
    from MammoRadiomicsLib.segmenter import training

    member, curve = training.fit_fold(rows, SETTINGS, fold, progress.as_lines())
    network_file.save(output / f"fold{fold}.mammosegmenter", *training.file_of([member], SETTINGS, {}))
    (output / f"fold{fold}.json").write_text(json.dumps(curve), encoding="utf-8")


def measure(rows: list[dict], output: Path) -> None:
    """Compare every kind of outline with the reference; write a table, a summary, pictures and a cohort."""
    reference = of_reader(rows, "")
    algorithm = {row["lesion_id"]: row for row in rows if row["reader"] == "algorithm"}
    rng = np.random.default_rng(SEED)
    found, outlines = [], {}
    for fold, test in enumerate(folds(reference)):
        segmenter = proposal.load(output / f"fold{fold}.mammosegmenter")
        for row in (reference[i] for i in np.flatnonzero(test)):
            image, inside = pixels_of(row, None)
            click = np.array(np.nonzero(inside)).mean(axis=1)[::-1] + disc(rng, 1, SHIFT_PIXELS)[0]
            proposed = segmenter.propose(image, tuple(click))
            masks = {
                "network": measuring.whole(proposed, inside.shape),
                "disc": disc_at(click, inside.shape),
                "threshold": otsu_at(image, click),
            }
            if row["lesion_id"] in algorithm:
                masks["algorithm"] = pixels_of(algorithm[row["lesion_id"]], None)[1]
            scores = {name: dice(mask, inside) for name, mask in masks.items()}
            outlines[row["lesion_id"]] = (image, inside, masks["network"], click)
            keys = {"lesion_id": row["lesion_id"], "patient_id": row["patient_id"], "fold": fold}
            found.append(keys | {"confidence": proposed.confidence} | {"algorithm": ""} | scores)
    summary = {"all": summarised(found), "with the algorithm": summarised([r for r in found if r["algorithm"] != ""])}
    (output / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    write_table(output / "dice.csv", found)
    write_pictures(output / "worst.png", found, outlines)
    write_proposals(output, rows, outlines)
    print(json.dumps(summary, indent=1))


def folds(rows: list[dict]) -> list[np.ndarray]:
    from MammoRadiomicsLib.segmenter import training

    return training.folds_of([row["patient_id"] for row in rows], SETTINGS)


def disc_at(click: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a disc of the usual size."""
    rows, columns = np.indices(shape)
    return np.hypot(columns - click[0], rows - click[1]) <= DISC_RADIUS


def otsu_at(image: sitk.Image, click: np.ndarray) -> np.ndarray:
    """Return the component at the click above Otsu's threshold of a square around it."""
    pixels = sitk.GetArrayFromImage(image)[0]
    left, top = (max(int(at) - OTSU_HALF_SIDE, 0) for at in click)
    part = pixels[top : top + 2 * OTSU_HALF_SIDE, left : left + 2 * OTSU_HALF_SIDE]
    bright = sitk.GetArrayFromImage(sitk.OtsuThreshold(sitk.GetImageFromArray(part.astype(np.float32)), 0, 1)) > 0
    found = component_at(bright, (click[0] - left, click[1] - top), SHIFT_PIXELS)
    inside = np.zeros(pixels.shape, bool)
    if found is not None:
        inside[top : top + found.shape[0], left : left + found.shape[1]] = found
    return inside


def summarised(rows: list[dict]) -> dict:
    """Return count, mean and median with intervals over cases, and the count under 0.3, of each kind of outline."""
    summary = {}
    for name in ("network", "disc", "threshold", "algorithm"):
        of_kind = [row for row in rows if row[name] != ""]
        scores = np.array([row[name] for row in of_kind])
        patients = np.array([row["patient_id"] for row in of_kind])
        counts = {"masses": len(scores), "under 0.3": int((scores < 0.3).sum()), "zero": int((scores == 0).sum())}
        summary[name] = counts | card.interval(scores, patients, SEED)
    return summary


def write_table(path: Path, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_pictures(path: Path, rows: list[dict], outlines: dict) -> None:
    """Show the ten masses with the lowest Dice: reference orange, network blue, click a cross."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 6.5), layout="constrained")
    worst = sorted(rows, key=lambda row: row["network"])[:10]
    for axes, row in zip(figure.subplots(2, 5).flat, worst, strict=True):
        image, inside, proposed, click = outlines[row["lesion_id"]]
        pixels = sitk.GetArrayViewFromImage(image)[0]
        axes.imshow(pixels, cmap="gray", vmin=np.percentile(pixels, 1), vmax=np.percentile(pixels, 99))
        axes.contour(inside, [0.5], colors="#E69F00", linewidths=1)
        if proposed.any():
            axes.contour(proposed, [0.5], colors="#56B4E9", linewidths=1)
        axes.plot(*click, "r+")
        axes.set_title(f"{row['lesion_id']}: {row['network']:.2f}", fontsize=9)
        axes.set_axis_off()
    figure.savefig(path)


def write_proposals(output: Path, rows: list[dict], outlines: dict) -> None:
    """Write a cohort of reference and proposed outlines, for the stability of features."""
    proposed_rows = []
    for row in of_reader(rows, ""):
        _, inside, proposed, _ = outlines[row["lesion_id"]]
        if min(inside.sum(), proposed.sum()) < 20:
            continue
        mask = Path(row["mask"]).with_name(f"{row['lesion_id']}_network.png")
        Image.fromarray(proposed.astype(np.uint8)).save(mask)
        proposed_rows += [row, row | {"reader": "network", "mask": str(mask)}]
    write_table(output / "proposals.csv", proposed_rows)


if __name__ == "__main__":
    main()
