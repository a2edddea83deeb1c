"""Outlines from a click: one part, at full resolution, whatever the grey scale, and none from nothing."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import made_up_network as made_up
import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsHost.api import ROOT
from MammoRadiomicsLib import imaging, parts, proposal, worker
from MammoRadiomicsLib.errors import DependencyError, InputError

SAMPLE = ROOT / "MammoRadiomics" / "Resources" / "SampleData"
SHIPPED = SAMPLE / "phantom_outline.mammosegmenter"


def discs(*centres_and_radii, size=(400, 300), spacing=0.1, hole=0):
    """Return an image of noise with bright discs (column, row, radius in pixels), and the first disc's mask."""
    rng = np.random.default_rng(1)
    # Fine and coarse, so that something is left of it on a patch, as of tissue and unlike air.
    coarse = rng.normal(1000, 6, (size[1] // 30 + 1, size[0] // 30 + 1))
    coarse[rng.random(coarse.shape) < 0.05] -= 200
    coarse = np.kron(coarse, np.ones((30, 30)))
    pixels = coarse[: size[1], : size[0]] + rng.normal(0, 5, size[::-1])
    y, x = np.indices(pixels.shape)
    masks = [np.hypot(x - column, y - row) <= radius for column, row, radius in centres_and_radii]
    for mask in masks:
        pixels[mask] += 300
    pixels[np.hypot(x - centres_and_radii[0][0], y - centres_and_radii[0][1]) < hole] -= 300
    image = sitk.GetImageFromArray(pixels[np.newaxis].astype(np.float32))
    image.SetSpacing((spacing, spacing, 1.0))
    return image, masks[0]


def whole(found, mask):
    drawn = np.zeros_like(mask)
    parts.paste(found.mask, found.corner, drawn)
    return drawn


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.fixture(scope="module")
def segmenter():
    return made_up.segmenter()


def test_a_click_gives_the_outline_at_full_resolution(segmenter):
    image, mask = discs((200, 150, 40))
    found = segmenter.propose(image, (205, 145))
    assert dice(whole(found, mask), mask) > 0.92
    assert found.area_mm2 == pytest.approx(whole(found, mask).sum() * 0.01)
    assert found.reason == ""
    assert 0.8 < found.confidence <= 1


def test_the_image_is_left_as_it_was(segmenter):
    image, _ = discs((200, 150, 40))
    before = sitk.Hash(image), image.GetOrigin()
    segmenter.propose(image, (200, 150))
    assert (sitk.Hash(image), image.GetOrigin()) == before


def test_only_the_part_at_the_click_is_outlined(segmenter):
    image, mask = discs((150, 150, 35), (250, 150, 35))
    assert dice(whole(segmenter.propose(image, (150, 150)), mask), mask) > 0.92


def test_holes_are_filled(segmenter):
    image, mask = discs((200, 150, 40), hole=12)
    assert dice(whole(segmenter.propose(image, (225, 150)), mask), mask) > 0.9


def test_a_click_may_miss_by_a_few_millimetres_but_not_by_many(segmenter):
    image, mask = discs((200, 150, 30))
    assert dice(whole(segmenter.propose(image, (200, 110)), mask), mask) > 0.9
    far = segmenter.propose(image, (200, 40))
    assert far.mask is None
    assert "outline it by hand" in far.reason


@pytest.mark.parametrize(("slope", "offset", "kind"), [(16, 0, np.uint16), (0.15, 3, np.uint8), (-1, 0, None)])
def test_the_grey_scale_makes_no_difference(segmenter, slope, offset, kind):
    image, mask = discs((200, 150, 40))
    outline = whole(segmenter.propose(image, (200, 150)), mask)
    pixels = sitk.GetArrayFromImage(image)
    other = sitk.GetImageFromArray((pixels * slope + offset).astype(kind or np.float64))
    other.CopyInformation(image)
    found = segmenter.propose(other, (200, 150))
    if kind is None:
        # On a negative a bright lesion is dark, and not what this looks for.
        assert found.mask is None or dice(whole(found, mask), mask) < 0.5
    else:
        assert dice(whole(found, mask), outline) > 0.98


def test_the_same_lesion_has_the_same_area_at_another_pixel_spacing(segmenter):
    fine = segmenter.propose(discs((400, 300, 80), size=(800, 600), spacing=0.05)[0], (400, 300))
    coarse = segmenter.propose(discs((200, 150, 40))[0], (200, 150))
    assert fine.area_mm2 == pytest.approx(coarse.area_mm2, rel=0.05)


def test_oblong_pixels_are_taken_as_they_are(segmenter):
    image, mask = discs((200, 150, 40))
    image.SetSpacing((0.1, 0.2, 1.0))
    assert dice(whole(segmenter.propose(image, (200, 150)), mask), mask) > 0.9


def test_a_lesion_larger_than_the_patch_is_seen_whole(segmenter):
    image, mask = discs((350, 300, 140), size=(900, 700))
    assert dice(whole(segmenter.propose(image, (250, 300)), mask), mask) > 0.92


def test_a_lesion_larger_than_all_is_said_to_be(segmenter):
    image, _ = discs((600, 600, 290), (150, 900, 60), size=(1200, 1200))
    found = segmenter.propose(image, (330, 600))
    assert found.mask is not None
    assert "larger" in found.reason


def test_a_lesion_at_the_edge_is_cut_by_it(segmenter):
    image, mask = discs((3, 150, 40))
    found = segmenter.propose(image, (2, 150))
    assert found.corner[1] == 0
    assert found.reason == ""
    assert dice(whole(found, mask), mask) > 0.9


def test_nothing_is_outlined_outside_a_box(segmenter):
    image, mask = discs((200, 150, 40), (281, 150, 41))
    found = segmenter.propose(image, box=(240, 190, 160, 110))
    columns = np.flatnonzero(whole(found, mask).any(axis=0))
    assert (columns.min() >= 152) and (columns.max() <= 248)
    assert dice(whole(found, mask), mask) > 0.9


def test_a_box_may_reach_over_the_edge(segmenter):
    image, mask = discs((10, 150, 40))
    found = segmenter.propose(image, box=(-50, 100, 55, 200))
    assert dice(whole(found, mask), mask) > 0.9


@pytest.mark.parametrize("click", [(-1, 10), (400, 10), (10, 300), (np.nan, 10)])
def test_refuses_a_click_outside_the_image(segmenter, click):
    with pytest.raises(InputError, match="outside the image"):
        segmenter.propose(discs((200, 150, 40))[0], click)


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (500, 10, 600, 20)])
def test_refuses_a_box_outside_the_image(segmenter, box):
    with pytest.raises(InputError, match="outside the image"):
        segmenter.propose(discs((200, 150, 40))[0], box=box)


def test_refuses_a_box_that_is_no_number(segmenter):
    with pytest.raises(InputError, match="no numbers"):
        segmenter.propose(discs((200, 150, 40))[0], box=(1, 2, np.nan, 4))


def test_refuses_to_look_nowhere(segmenter):
    with pytest.raises(InputError, match="neither"):
        segmenter.propose(discs((200, 150, 40))[0])


def test_refuses_pixels_that_are_no_numbers(segmenter):
    image, _ = discs((200, 150, 40))
    image[210, 150, 0] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        segmenter.propose(image, (200, 150))


def test_refuses_an_image_without_spacing(segmenter):
    image, _ = discs((200, 150, 40), spacing=1.0)
    with pytest.raises(InputError, match="how large its pixels are"):
        segmenter.propose(image, (200, 150))


def test_refuses_a_stack(segmenter):
    with pytest.raises(InputError, match="one slice"):
        segmenter.propose(sitk.Image(20, 20, 5, sitk.sitkFloat32), (5, 5))


def test_a_uniform_image_has_no_outline(segmenter):
    image = sitk.Image(200, 200, 1, sitk.sitkUInt16)
    image.SetSpacing((0.1, 0.1, 1.0))
    found = segmenter.propose(image, (100, 100))
    assert found.mask is None
    assert "uniform" in found.reason


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (9, 9)])
def test_a_tiny_image_does_no_harm(segmenter, size):
    pixels = np.random.default_rng(0).normal(100, 10, (1, *size[::-1]))
    image = sitk.GetImageFromArray(pixels.astype(np.float32))
    image.SetSpacing((0.1, 0.1, 1.0))
    found = segmenter.propose(image, (0, 0))
    assert found.mask is None or found.mask.shape[0] <= size[1]


def test_what_lies_in_air_is_not_outlined(segmenter):
    image, mask = discs((200, 150, 40))
    pixels = sitk.GetArrayFromImage(image)
    pixels[0][~mask] = 20
    label = sitk.GetImageFromArray(pixels)
    label.CopyInformation(image)
    found = segmenter.propose(label, (200, 150))
    assert found.mask is None
    assert "labels and markers" in found.reason


def test_a_lesion_as_bright_as_the_image_can_hold_is_outlined(segmenter):
    image, mask = discs((200, 150, 60))
    pixels = np.minimum(sitk.GetArrayFromImage(image), 1200)
    saturated = sitk.GetImageFromArray(pixels)
    saturated.CopyInformation(image)
    assert dice(whole(segmenter.propose(saturated, (200, 150)), mask), mask) > 0.9


def test_an_uncertain_outline_is_not_drawn():
    found = made_up.segmenter(least_confidence=0.999).propose(discs((200, 150, 40))[0], (200, 150))
    assert found.mask is None
    assert 0 < found.confidence < 0.999
    assert "uncertain" in found.reason


def test_says_that_onnx_runtime_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(DependencyError, match="onnxruntime"):
        made_up.segmenter()


def test_the_worker_proposes_as_the_library_does(segmenter, tmp_path):
    path = tmp_path / "m.mammosegmenter"
    path.write_bytes(made_up.content())
    image, _ = discs((200, 150, 40))
    answers = io.StringIO()
    child = worker.Worker(answers)
    geometry = {name: getattr(image, f"Get{name.title()}")() for name in ("spacing", "origin", "direction")}
    for message in parts.image_messages("i", sitk.GetArrayViewFromImage(image)[0], geometry):
        child.handle(message)
    child.handle({"id": 1, "segmenter": "s", "path": str(path)})
    child.handle({"id": 2, "propose": {"segmenter": "s", "image": "i", "click": [200, 150], "box": None}})
    child.handle({"id": 3, "propose": {"segmenter": "s", "image": "i", "click": [200, 20]}})
    child.handle({"id": 4, "propose": {"segmenter": "other", "image": "i", "click": [200, 150]}})
    child.handle({"id": 5, "segmenter": "s", "path": str(tmp_path / "none")})
    loaded, found, nothing, unknown, missing = (json.loads(line) for line in answers.getvalue().splitlines())
    assert loaded["segmenter"]["name"] == "m.mammosegmenter"
    expected = segmenter.propose(image, (200, 150))
    sent = found["proposal"]["mask"]
    part = np.frombuffer(base64.b64decode(sent["data"]), np.uint8).reshape(sent["shape"])
    assert np.array_equal(part, expected.mask)
    assert tuple(sent["corner"]) == expected.corner
    assert nothing["proposal"]["mask"] is None
    assert "No outline model" in unknown["error"]
    assert "no file" in missing["error"]


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_the_shipped_model_outlines_the_sample(view):
    found, mask = _on_sample(view, at_lesion=True)
    assert dice(whole(found, mask), mask) > 0.7


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_the_shipped_model_draws_nothing_in_the_air(view):
    assert _on_sample(view, at_lesion=False)[0].mask is None


def test_the_shipped_model_says_what_it_is():
    shipped = proposal.load(SHIPPED)
    assert shipped.purpose == "demonstration"
    assert "must not outline patients' lesions" in shipped.card
    assert Path(SHIPPED).stat().st_size < 3_000_000


def _on_sample(view, at_lesion):
    image, roi = imaging.read_case(SAMPLE / f"phantom_{view}.nrrd", SAMPLE / f"phantom_{view}_lesion.nrrd")
    mask = sitk.GetArrayFromImage(roi)[0].astype(bool)
    rows, columns = np.nonzero(mask)
    click = (columns.mean() + 4, rows.mean() - 4) if at_lesion else (image.GetSize()[0] - 20, 20)
    return proposal.load(SHIPPED).propose(image, click), mask
