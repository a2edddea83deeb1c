"""Training of outline networks: patients stay apart, equal seeds give equal files, and nothing is left half-written."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import cohort, command_line, phantoms, proposal, segmenter, tables
from MammoRadiomicsLib.errors import Cancelled, InputError
from MammoRadiomicsLib.segmenter import card, cases, draws
from MammoRadiomicsLib.segmenter.settings import SegmenterSettings

SMALL = SegmenterSettings(patch_mm=16, pixels=32, width=4, folds=2, epochs=2, clicks=2, batch=4, click_shift_mm=1)
QUICK = ["--patch-mm", "16", "--pixels", "32", "--width", "4", "--folds", "2", "--epochs", "1", "--batch", "4"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Write six patients' phantoms, the first with outlines by two readers."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = []
    for i in range(6):
        image, roi = phantoms.mammogram(i, size=(160, 160), spacing_mm=0.1)
        sitk.WriteImage(image, folder / f"{i}.nrrd")
        sitk.WriteImage(roi, folder / f"{i}_lesion.nrrd")
        keys = {"patient_id": f"P{i}", "view": "CC", "reader": "A"}
        rows.append(keys | {"image": f"{i}.nrrd", "mask": f"{i}_lesion.nrrd"})
    sitk.WriteImage(sitk.BinaryDilate(roi, (2, 2, 0)), folder / "other.nrrd")
    rows.append(rows[-1] | {"reader": "B", "mask": "other.nrrd"})
    tables.write_rows(folder / "cohort.csv", rows)
    return folder / "cohort.csv"


@pytest.mark.parametrize(
    "values",
    [{"pixels": 33}, {"folds": 1}, {"epochs": 0}, {"background": 1.0}, {"purpose": "clinical"}, {"patch_mm": 1.0}],
)
def test_refuses_settings_that_make_no_sense(values):
    with pytest.raises(InputError):
        SegmenterSettings(**values).validate()


def test_says_which_packages_are_missing(table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(segmenter, "missing_packages", lambda: ["torch", "monai"])
    arguments = ["train-segmenter", "--cohort", str(table), "--output", str(tmp_path / "m.mammosegmenter")]
    assert command_line.main(arguments) == 2
    assert "needs torch, monai. In Slicer install the SlicerPyTorch extension" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_cohort_is_not_overwritten(table, capsys):
    assert command_line.main(["train-segmenter", "--cohort", str(table), "--output", str(table)]) == 2
    assert "would be overwritten" in capsys.readouterr().err


def test_only_one_readers_outlines_are_learned(table):
    rows = cohort.read_cohort(table)
    assert [row["reader"] for row in cases.of_reader(rows, "")] == ["A"] * 6
    assert [row["patient_id"] for row in cases.of_reader(rows, "B")] == ["P5"]


def test_readers_are_compared_on_the_lesions_that_both_outlined(table):
    rows = cohort.read_cohort(table)
    one, other = (cases.pixels_of(row, None)[1] for row in rows[-2:])
    assert cases.between_readers(rows, None) == [2 * (one & other).sum() / (one.sum() + other.sum())]


def test_a_missing_mask_is_named(table):
    rows = [row | {"mask": ""} for row in cohort.read_cohort(table)]
    with pytest.raises(InputError, match=r"Case P0 CC reader A has no image or no mask"):
        cases.of_reader(rows, "")


def test_a_context_holds_the_outline_at_its_middle(table):
    row = cohort.read_cohort(table)[0]
    case = cases.read([row], SMALL, None, lambda *_: None)[0]
    inside = cases.pixels_of(row, None)[1]
    pitch = 2 * SMALL.patch_mm / len(case.inside)
    assert case.inside.sum() * pitch**2 == pytest.approx(inside.sum() * 0.01, rel=0.03)
    middle = [np.average(np.arange(len(case.inside)), weights=case.inside.sum(axis=axis)) for axis in (0, 1)]
    assert middle == pytest.approx([(len(case.inside) - 1) / 2] * 2, abs=0.3)


def test_clicks_beside_the_lesion_are_outside_it(table):
    found = cases.read(cohort.read_cohort(table)[:2], SMALL, None, lambda *_: None)
    clicks = draws.for_training(found, np.repeat([0, 1], 500), SMALL, np.random.default_rng(1))
    at = np.hypot(*(clicks.centre_mm + clicks.offset_mm).T)
    extent = np.array([found[i].extent_mm for i in clicks.case])
    assert (at[clicks.empty] >= extent[clicks.empty] / 2 + 6).all()
    assert (at[~clicks.empty] <= SMALL.click_shift_mm + 1e-9).all()
    assert clicks.empty.mean() == pytest.approx(SMALL.background, abs=0.05)


def test_intervals_resample_patients_whole():
    """Three patients of equal Dice each: with one patient's mean at 0, the bootstrap knows the values 0 to 1 only."""
    dice, patients = np.array([0.0, 0.0, 1.0, 1.0]), np.array(["a", "a", "b", "b"])
    found = card.interval(dice, patients, 1)
    assert found["mean"] == [0.5, 0.0, 1.0]


@pytest.mark.segmenter
def test_a_patch_is_cut_where_the_click_is(table):
    """The click's mark lies on the same tissue whatever the scale, angle and mirror."""
    import torch
    from MammoRadiomicsLib.segmenter.augmentation import cut

    side, context_mm, patch_mm, pixels = 201, 40.0, 20.0, 64
    y, x = (np.mgrid[:side, :side] - side // 2) * context_mm / side
    # A blob where the click is: 3 mm right of the middle and 2 mm below.
    blob = np.exp(-0.5 * ((x - 3) ** 2 + (y - 2) ** 2)).astype(np.float32)
    images = torch.from_numpy(blob)[None, None]
    rng, count = np.random.default_rng(1), 50
    centre = rng.uniform((1, 0), (5, 4), (count, 2))
    clicks = draws.Clicks(
        np.zeros(count, int), centre, (3, 2) - centre, rng.uniform(0.7, 2, count), rng.uniform(0, 6.3, count),
        rng.choice([-1.0, 1.0], count), np.zeros(count, bool),
    )  # fmt: skip
    patches, _ = cut(images, images, clicks, context_mm=context_mm, patch_mm=patch_mm, pixels=pixels)
    grey, mark = (patches[:, i].flatten(1).argmax(1) for i in (0, 1))
    difference = np.hypot(
        *[(part(grey) - part(mark)).numpy() for part in (lambda i: i % pixels, lambda i: i // pixels)]
    )
    assert difference.max() <= 2


@pytest.mark.segmenter
def test_training_is_repeatable_and_keeps_patients_apart(table, tmp_path):
    from MammoRadiomicsLib import network_file
    from MammoRadiomicsLib.segmenter import report, training

    rows = cohort.read_cohort(table)
    messages = []
    one = training.train(rows, SMALL, lambda *step: messages.append(step))
    other = training.train(rows, SMALL)
    assert network_file.packed(one.manifest, one.network) == network_file.packed(other.manifest, other.network)
    assert one.held_out == other.held_out
    assert sorted(row["patient_id"] for row in one.held_out) == [f"P{i}" for i in range(6)]
    assert messages[-1][0] == messages[-1][1] == SMALL.folds * SMALL.epochs
    assert one.metrics["reader_pairs"] == 1
    assert "6 outlines of 6 patients" in one.manifest["card"]
    names = {path.name for path in report.write(one, tmp_path / "report")}
    assert names == {"card.txt", "metrics.json", "outlines.csv", "learning_curve.csv", "learning_curve.png"}


@pytest.mark.segmenter
def test_the_command_writes_a_model_that_proposes(table, tmp_path, capsys):
    model = tmp_path / "m.mammosegmenter"
    arguments = ["--cohort", str(table), "--output", str(model), "--report", str(tmp_path / "report"), *QUICK]
    assert command_line.main(["train-segmenter", *arguments, "--json-progress"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["result"].endswith(f"Report: {tmp_path / 'report'}")
    assert {"done", "total", "message"} == set(lines[0])
    image, _ = phantoms.mammogram(9, size=(160, 160), spacing_mm=0.1)
    assert proposal.load(model).propose(image, (64, 80)).confidence >= 0


@pytest.mark.segmenter
def test_nothing_is_left_of_training_that_was_cancelled(table, tmp_path):
    from MammoRadiomicsLib.segmenter import training

    def cancel(done, total, message):
        if "epoch" in message:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        training.train(cohort.read_cohort(table), SMALL, cancel)
    assert not list(tmp_path.iterdir())


@pytest.mark.segmenter
def test_too_few_patients_are_refused_before_anything_is_read(table):
    from MammoRadiomicsLib.segmenter import training

    rows = [row | {"image": "none.nrrd"} for row in cohort.read_cohort(table)[:3]]
    with pytest.raises(InputError, match="3 patients"):
        training.train(rows, SMALL)
