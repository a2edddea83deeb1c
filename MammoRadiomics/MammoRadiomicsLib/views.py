"""Which projection of which breast: what DICOM attributes and the file's name say, in the order of trust."""

from __future__ import annotations

import re
from pathlib import Path

from .dicom.dicom_header import Header
from .facts import Findings

MODELLED = ("CC", "MLO")
# DICOM PS3.16 CID 4014 and 4015: codes of SNOMED CT and the older ones of SNOMED RT.
_VIEW_CODES = {
    "399162004": "CC", "R-10242": "CC",
    "399368009": "MLO", "R-10226": "MLO",
    "399260004": "ML", "R-10224": "ML",
    "399352003": "LM", "R-10228": "LM",
    "399099002": "LMO", "R-10230": "LMO",
    "399196006": "FB", "R-10244": "FB",
    "399188001": "SIO", "R-102D0": "SIO",
    "441555000": "ISO", "R-40AAA": "ISO",
    "399192008": "XCCL", "R-1024A": "XCCL",
    "399101009": "XCCM", "R-1024B": "XCCM",
    "127457009": "specimen", "G-8310": "specimen",
}  # fmt: skip
_MODIFIER_CODES = {
    "399209000": "implant displaced", "R-102D5": "implant displaced",
    "399163009": "magnification", "R-102D6": "magnification",
    "399055006": "spot compression", "R-102D7": "spot compression",
    "399161006": "cleavage", "R-102D2": "cleavage",
    "399011000": "axillary tail", "R-102D1": "axillary tail",
    "442580003": "axillary tissue", "R-40AB2": "axillary tissue",
    "399197002": "rolled lateral", "R-102D3": "rolled lateral",
    "399226006": "rolled medial", "R-102D4": "rolled medial",
    "414493004": "rolled inferior", "R-102CA": "rolled inferior",
    "415670009": "rolled superior", "R-102C9": "rolled superior",
    "399110001": "tangential", "R-102C2": "tangential",
    "442581004": "nipple in profile", "R-40AB3": "nipple in profile",
    "442593008": "infra-mammary fold", "R-40ABE": "infra-mammary fold",
    "441752004": "anterior compression", "P2-00161": "anterior compression",
}  # fmt: skip
_SAID_OF_MODIFIERS = {
    "magnification": "This is a magnification view: its pixels and its sharpness differ from those of contact views.",
    "spot compression": "This is a spot compression view: tissue is spread otherwise than on a whole-breast view.",
    "implant displaced": "The implant was displaced for this view. Keep the outline off the implant.",
}
_IN_A_NAME = re.compile(r"^(L|LEFT|R|RIGHT)?[_-]?(CC|MLO)?$", re.IGNORECASE)


def of_file_name(name: str) -> tuple[str | None, str | None]:
    """Return view and laterality that a file's name holds as words, such as ``P12_L_MLO.png`` or ``rcc.dcm``.

    A letter L or R counts beside a view only, and nothing counts that is said both ways.
    """
    words = [match.groups() for word in re.split(r"[^A-Za-z]+", Path(name).stem) if (match := _IN_A_NAME.match(word))]
    views = {view.upper() for _, view in words if view}
    sides = {side[0].upper() for side, _ in words if side and (views or len(side) > 1)}
    return (views.pop() if len(views) == 1 else None), (sides.pop() if len(sides) == 1 else None)


def of_plain_file(name: str, findings: Findings) -> None:
    """Find view and laterality of a file whose name is all that tells."""
    view, side = of_file_name(name)
    findings.add_first("view", [(view, "file name")])
    findings.add_first("laterality", [(side, "file name")])


def of_dicom(header: Header, name: str, findings: Findings) -> None:
    """Find view, its modifiers and laterality of a DICOM file."""
    view_in_name, side_in_name = of_file_name(name)
    coded = _coded(header, "ViewCodeSequence", _VIEW_CODES)
    position, displaced = _view_position(header)
    orientation = header.text("PatientOrientation").upper()
    findings.add_first(
        "view",
        [
            (position, "ViewPosition"),
            (coded[0] if coded else None, "ViewCodeSequence"),
            (orientation if orientation in MODELLED else None, "PatientOrientation, against the standard"),
            (view_in_name, "file name"),
        ],
    )
    view = findings.facts.get("view")
    if view and view.value not in MODELLED:
        findings.note(f"The view is {view.value}; models are made for {' and '.join(MODELLED)}.")
    _modifiers(header, displaced, findings)
    findings.add_first(
        "laterality",
        [
            *((_side(header, keyword, findings), keyword) for keyword in ("ImageLaterality", "Laterality")),
            (_side_of_hanging(header), f"PatientOrientation {orientation}, as views are usually hung"),
            (side_in_name, "file name"),
        ],
    )


def _view_position(header: Header) -> tuple[str, bool]:
    """Return ViewPosition, and whether it has the vendors' suffix for a displaced implant, as in CCID."""
    view = header.text("ViewPosition").upper()
    displaced = view.endswith("ID") and view[:-2] in _VIEW_CODES.values()
    return view[:-2] if displaced else view, displaced


def _coded(header: Header, keyword: str, names: dict[str, str]) -> list[str]:
    """Return the names of the codes of a sequence; what is not in the table goes by its own meaning."""
    return [
        name
        for item in header.items(keyword)
        if (name := names.get(item.text("CodeValue")) or item.text("CodeMeaning").lower())
    ]


def _modifiers(header: Header, displaced: bool, findings: Findings) -> None:
    found, sources = ["implant displaced"] if displaced else [], ["ViewPosition"] if displaced else []
    for item in header.items("ViewCodeSequence"):
        coded = _coded(item, "ViewModifierCodeSequence", _MODIFIER_CODES)
        found += [each for each in coded if each not in found]
        sources += ["ViewModifierCodeSequence"] if coded else []
    if found:
        findings.add("view_modifiers", found, " and ".join(dict.fromkeys(sources)))
    for modifier in found:
        if modifier in _SAID_OF_MODIFIERS:
            findings.note(_SAID_OF_MODIFIERS[modifier])


def _side(header: Header, keyword: str, findings: Findings) -> str | None:
    side = header.text(keyword).upper()
    if side and side not in ("L", "R"):
        findings.note(f"{keyword} is {side}, which is not one breast. Say which breast it is.")
    return side if side in ("L", "R") else None


def _side_of_hanging(header: Header) -> str | None:
    """By convention the chest wall is at the left of a left breast's image: its rows run to anterior (A)."""
    orientation = header.texts("PatientOrientation")
    return {"A": "L", "P": "R"}.get(orientation[0].upper()[:1]) if len(orientation) == 2 else None
