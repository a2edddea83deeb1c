"""A cohort proposed from a folder: what is paired, what is not, and that no name of a patient gets into it."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import cohort, cohort_check, cohort_scan, command_line, phantoms, tables
from MammoRadiomicsLib.errors import InputError
from shared_data import shared_folder


def write(path, value=1, size=(12, 10)):
    pixels = np.zeros((1, size[1], size[0]), np.uint8)
    pixels[0, 3:6, 3:6] = value
    image = sitk.GetImageFromArray(pixels)
    image.SetSpacing((0.1, 0.1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))


def pairs_of(proposal) -> list[tuple[str, str]]:
    return sorted((row["image"], row["mask"]) for row in proposal.rows)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("P1_L_CC.nrrd", "P1_L_CC_mask.nrrd"),
        ("P1 L CC.nrrd", "P1 L CC-label.nrrd"),
        ("P1 L CC.nrrd", "P1 L CC.seg.nrrd"),
        ("P1_L_CC.png", "P1_L_CC_seg.nii.gz"),
        ("P1_L_CC.nrrd", "mask_P1_L_CC.png"),
        ("P1_L_CC.nrrd", "P1_L_CC_lesion2.nrrd"),
        ("images/P1_L_CC.nrrd", "masks/P1_L_CC.png"),
        ("images/P1/L_CC.nrrd", "masks/P1/L_CC.nrrd"),
        ("P1/images/L_CC.nrrd", "P1/ref_mask/L_CC.nrrd"),
        ("P1_L_CC.nrrd", "Segmentations/P1_L_CC.nrrd"),
        ("Ärzte/Größe P1/LCC.nrrd", "Ärzte/Größe P1/LCC_roi.nrrd"),
    ],
)
def test_a_mask_finds_its_image_by_name(tmp_path, image, mask):
    write(tmp_path / image)
    write(tmp_path / mask)
    proposal = cohort_scan.scan(tmp_path)
    assert pairs_of(proposal) == [(image, mask)]
    (row,) = proposal.rows
    assert (row["patient_id"], row["laterality"], row["view"], row["label"]) == ("P0001", "L", "CC", "1")
    assert proposal.left_out == []


def test_views_and_sides_of_a_patient_stay_together_and_codes_hide_names(tmp_path):
    for name in ("Meier17_L_CC", "Meier17_L_MLO", "Meier17_R_CC", "Huber3_R_MLO", "Huber3_R_CC"):
        write(tmp_path / f"{name}.nrrd")
        write(tmp_path / f"{name}_mask.nrrd")
    rows = cohort_scan.scan(tmp_path).rows
    assert [(row["patient_id"], row["laterality"], row["view"]) for row in rows] == [
        ("P0001", "R", "CC"), ("P0001", "R", "MLO"),
        ("P0002", "L", "CC"), ("P0002", "L", "MLO"), ("P0002", "R", "CC"),
    ]  # fmt: skip


def test_every_label_is_a_lesion_and_every_folder_of_masks_a_reader(tmp_path):
    write(tmp_path / "images" / "P1_L_CC.png")
    pixels = np.zeros((1, 10, 12), np.uint8)
    pixels[0, 2:4, 2:4], pixels[0, 6:8, 6:8] = 1, 2
    for reader in ("mask_A", "mask_B"):
        (tmp_path / reader).mkdir()
        sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / reader / "P1_L_CC.nrrd"))
    rows = cohort_scan.scan(tmp_path).rows
    assert [(row["reader"], row["lesion_id"], row["label"]) for row in rows] == [
        ("mask_A", "1", "1"), ("mask_A", "2", "2"), ("mask_B", "1", "1"), ("mask_B", "2", "2"),
    ]  # fmt: skip


def test_what_cannot_be_paired_is_listed_with_its_reason(tmp_path):
    write(tmp_path / "P1_L_CC.nrrd")
    write(tmp_path / "P1_L_CC_mask.nrrd")
    write(tmp_path / "P2_L_CC.nrrd")
    write(tmp_path / "P3_L_CC_mask.nrrd")
    write(tmp_path / "P4_L_CC.nrrd")
    write(tmp_path / "P4_L_CC_mask.nrrd", size=(12, 11))
    write(tmp_path / "P5_L_CC.nrrd")
    write(tmp_path / "P5_L_CC_mask.nrrd", value=0)
    (tmp_path / "P6.png").write_text("no image")
    noise = np.random.default_rng(0).integers(0, 255, (10, 12)).astype(np.uint8)
    write(tmp_path / "P7_L_CC.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(tmp_path / "P7_L_CC_mask.png"))
    (tmp_path / "notes.txt").write_text("not looked at")
    proposal = cohort_scan.scan(tmp_path)
    assert len(proposal.rows) == 1
    reasons = {row["file"]: row["reason"] for row in proposal.left_out}
    assert reasons.pop("P6.png").startswith("cannot be read as an image")
    assert reasons == {
        "P2_L_CC.nrrd": "an image without a mask",
        "P3_L_CC_mask.nrrd": "a mask without an image of that name",
        "P4_L_CC.nrrd": "an image without a mask",
        "P4_L_CC_mask.nrrd": "a mask of 12 x 11 pixels, its image 12 x 10",
        "P5_L_CC.nrrd": "an image without a mask",
        "P5_L_CC_mask.nrrd": "an empty mask",
        "P7_L_CC.nrrd": "an image without a mask",
        "P7_L_CC_mask.png": "a mask with more than 20 values, as JPEG leaves them; save masks without loss",
    }


def test_images_without_any_mask_are_proposed_alone(tmp_path):
    write(tmp_path / "P1_L_CC.nrrd")
    proposal = cohort_scan.scan(tmp_path)
    assert [(row["image"], row["mask"]) for row in proposal.rows] == [("P1_L_CC.nrrd", "")]
    assert "There are no masks." in proposal.summary()


def test_a_folder_with_nothing_in_it_is_refused(tmp_path):
    for folder, sentence in ((tmp_path / "none", "There is no folder"), (tmp_path, "holds no image with a mask")):
        with pytest.raises(InputError, match=sentence):
            cohort_scan.scan(folder)


def test_a_folder_of_phantoms_comes_back_as_its_cohort(tmp_path, capsys):
    written = phantoms.write_cohort(tmp_path / "images of phantoms", patients=1)
    output = tmp_path / "tables" / "cohort.csv"
    assert command_line.main(["cohort", "scan", str(written.parent), "--output", str(output)]) == 0
    assert "2 outlines of 1 patients" in capsys.readouterr().out
    proposed, expected = cohort.read_cohort(output), cohort.read_cohort(written)
    for column in ("patient_id", "lesion_id", "view", "label"):
        assert [row[column] for row in proposed] == [row[column] for row in expected]
    assert cohort_check.check(tables.read_rows(output), output.parent) == []
    before = output.read_bytes()
    assert command_line.main(["cohort", "scan", str(written.parent), "--output", str(output)]) == 2
    assert "may have been edited" in capsys.readouterr().err
    assert output.read_bytes() == before


def test_real_masses_are_paired_by_size_and_grouped_by_case(tmp_path):
    folder = shared_folder("pisa_masses")
    for mask in sorted((folder / "ref_mask").glob("*.pgm"))[:20]:
        for each in ("ref_mask", "image_125", "image_1000"):
            for path in (folder / each).glob(f"{mask.stem}.*"):
                (tmp_path / each).mkdir(exist_ok=True)
                shutil.copy(path, tmp_path / each)
    proposal = cohort_scan.scan(tmp_path)
    labels = tables.read_rows(folder / "labels.csv")
    prefixes = {row["id"]: row["case_prefix"] for row in labels}
    codes = {}
    for row in proposal.rows:
        assert row["image"].replace("image_125", "ref_mask") == row["mask"]
        stem = row["image"].split("/")[-1].removesuffix(".pgm")
        assert codes.setdefault(prefixes[stem], row["patient_id"]) == row["patient_id"]
    assert len(proposal.rows) == 20
    assert len(set(codes.values())) == len(codes)
    assert {row["label"] for row in proposal.rows} == {"255"}


def test_masks_in_colour_are_left_out_with_the_remedy():
    with pytest.raises(InputError, match=r"is a colour image with 3 values a pixel; .* Convert it to greyscale"):
        cohort_scan.scan(shared_folder("cdd_cesm_20"))


def test_dicom_says_patient_side_and_view_where_names_do_not(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    source = shared_folder("dicom_mg_small") / "clunie_MGIMAGEA_pixelspacing.dcm"
    for i, (patient, side) in enumerate([("Secret^Name", "R"), ("Secret^Name", "L"), ("Other^Name", "L")]):
        dataset = pydicom.dcmread(source)
        dataset.PatientID, dataset.ImageLaterality = patient, side
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        dataset.save_as(tmp_path / f"IM{i}")
    shutil.copy(tmp_path / "IM0", tmp_path / "A copy.dcm")
    proposal = cohort_scan.scan(tmp_path)
    keys = [(row["patient_id"], row["laterality"], row["view"], row["lesion_id"]) for row in proposal.rows]
    assert keys == [
        ("P0001", "L", "CC", "1"), ("P0001", "R", "CC", "1"), ("P0001", "R", "CC", "2"), ("P0002", "L", "CC", "1"),
    ]  # fmt: skip
    proposal.write(tmp_path / "cohort.csv")
    assert "Secret" not in (tmp_path / "cohort.csv").read_text() + proposal.summary()
