"""DICOM files that tests write: a small mammogram with one rule broken or bent, and segmentations drawn on it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate

ROWS, COLUMNS = 30, 40
RAMP = np.arange(ROWS * COLUMNS, dtype=np.uint16).reshape(ROWS, COLUMNS)
STORAGE = {
    "MG": uid.DigitalMammographyXRayImageStorageForPresentation,
    "MG processing": uid.DigitalMammographyXRayImageStorageForProcessing,
    "DX": uid.DigitalXRayImageStorageForPresentation,
    "CR": uid.ComputedRadiographyImageStorage,
    "SC": uid.SecondaryCaptureImageStorage,
    "DBT": uid.BreastTomosynthesisImageStorage,
    "US": uid.UltrasoundImageStorage,
}


def a_dataset(path: Path, storage: str) -> FileDataset:
    """Return an empty data set of a storage class."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = uid.generate_uid(entropy_srcs=[str(path)])
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    return data


def a_mammogram(path: Path, kind: str = "MG", pixels: np.ndarray = RAMP, **attributes) -> Path:
    """Write a mammogram of 12 bits, 40 x 30 pixels of 0.1 mm at the detector, and return its path.

    An attribute of None is left out.
    """
    data = a_dataset(path, STORAGE[kind])
    data.Modality, data.Rows, data.Columns = "MG", *pixels.shape[:2]
    data.ImagerPixelSpacing, data.PatientName, data.PatientID = [0.1, 0.1], "Doe^Jane", "P7"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = pixels.tobytes()
    for name, value in attributes.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def a_code(value: str, meaning: str, scheme: str = "SCT") -> Dataset:
    """Return the item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def a_view(value: str, meaning: str, modifiers: tuple[Dataset, ...] = ()) -> Dataset:
    """Return an item of ViewCodeSequence with its modifiers."""
    item = a_code(value, meaning)
    item.ViewModifierCodeSequence = list(modifiers)
    return item


def a_modality_lut(entries: np.ndarray, first: int = 0, bits: int = 16) -> Dataset:
    """Return an item of ModalityLUTSequence."""
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 0x10000, first, bits]
    item["LUTDescriptor"].VR = "US"
    item.ModalityLUTType = "US"
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return item


def recompressed(path: Path, transfer_syntax: str) -> Path:
    """Compress the pixels of a file with run lengths, JPEG (8 bits) or JPEG 2000, and return its path."""
    from PIL import Image

    data = pydicom.dcmread(path)
    pixels = data.pixel_array
    if transfer_syntax == uid.RLELossless:
        data.compress(transfer_syntax, generate_instance_uid=False)
    else:
        stream = io.BytesIO()
        lossy = {"quality_mode": "rates", "quality_layers": [10], "irreversible": True}
        if transfer_syntax == uid.JPEGBaseline8Bit:
            pixels = (pixels >> 4).astype(np.uint8)
            data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
            Image.fromarray(pixels).save(stream, "JPEG", quality=50)
        else:
            options = lossy if transfer_syntax == uid.JPEG2000 else {}
            Image.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True, **options)
        data.PixelData = encapsulate([stream.getvalue()])
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = transfer_syntax
    data.save_as(path)
    return path


def a_segmentation(path: Path, frames: list[dict], kind: str = "BINARY", **attributes) -> Path:
    """Write a DICOM segmentation and return its path.

    Parameters
    ----------
    path : Path
    frames : list of dict
        ``segment``, ``pixels`` (rows, columns), and optionally ``source`` (SOP Instance UID), ``position`` (three
        numbers) and ``spacing``.
    kind : {"BINARY", "FRACTIONAL", "LABELMAP"}
    """
    data = a_dataset(path, uid.SegmentationStorage)
    stack = np.stack([frame["pixels"] for frame in frames])
    bits = 1 if kind == "BINARY" else 8
    data.Modality, data.SegmentationType, data.NumberOfFrames = "SEG", kind, len(frames)
    data.Rows, data.Columns, data.SamplesPerPixel = *stack.shape[1:], 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit = bits - 1
    segments = {frame["segment"] for frame in frames} | set(attributes.pop("empty_segments", ()))
    data.SegmentSequence = [_segment(number) for number in sorted(segments)]
    data.SharedFunctionalGroupsSequence = [Dataset()]
    data.PerFrameFunctionalGroupsSequence = [_groups(frame, kind) for frame in frames]
    raw = np.packbits(stack.astype(bool).ravel(), bitorder="little") if bits == 1 else stack.astype(np.uint8)
    data.PixelData = raw.tobytes() + b"\0" * (raw.size % 2)
    for name, value in attributes.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def _segment(number: int) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, f"segment {number}"
    return item


def _groups(frame: dict, kind: str) -> Dataset:
    groups = Dataset()
    if kind != "LABELMAP":
        groups.SegmentIdentificationSequence = [Dataset()]
        groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = frame["segment"]
    if "source" in frame:
        source, derivation = Dataset(), Dataset()
        source.ReferencedSOPInstanceUID = frame["source"]
        derivation.SourceImageSequence = [source]
        groups.DerivationImageSequence = [derivation]
    if "position" in frame:
        groups.PlanePositionSequence, groups.PixelMeasuresSequence = [Dataset()], [Dataset()]
        groups.PlaneOrientationSequence = [Dataset()]
        groups.PlanePositionSequence[0].ImagePositionPatient = frame["position"]
        groups.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        groups.PixelMeasuresSequence[0].PixelSpacing = frame.get("spacing", [0.1, 0.1])
    return groups
