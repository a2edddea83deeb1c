"""The section Images: what the files say of themselves, corrections of it, and both views side by side."""

from __future__ import annotations

import slicer
import slicer.util
from slicer.i18n import tr as _

from .image_facts import LATERALITY_ATTRIBUTE
from .side_by_side import SideBySide

VIEWS = ("CC", "MLO")
LATERALITIES = ("", "L", "R")
POLARITIES = ("", "MONOCHROME2", "MONOCHROME1")


class ImagesSection:
    """Shows and corrects what is known of both images.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param onCorrected: called when the user has corrected something.
    """

    def __init__(self, ui, logic, onCorrected):
        self._logic = logic
        self._onCorrected = onCorrected
        self._showing = False
        self._volumes = dict.fromkeys(VIEWS)
        self._outlines = dict.fromkeys(VIEWS)
        self.layout = SideBySide(slicer.app.layoutManager())
        self._showButton, self._linkCheckBox = ui.showButton, ui.linkCheckBox
        self._readLabels = {"CC": ui.ccReadLabel, "MLO": ui.mloReadLabel}
        self._spacingBoxes = {"CC": ui.ccSpacingSpinBox, "MLO": ui.mloSpacingSpinBox}
        self._lateralityBoxes = {"CC": ui.ccLateralityComboBox, "MLO": ui.mloLateralityComboBox}
        self._polarityBoxes = {"CC": ui.ccPolarityComboBox, "MLO": ui.mloPolarityComboBox}
        for box in self._lateralityBoxes.values():
            box.addItems([_("breast as read"), _("left breast"), _("right breast")])
            box.connect("currentIndexChanged(int)", self._onCorrection)
        for box in self._polarityBoxes.values():
            box.addItems([_("polarity as read"), _("dense is bright"), _("dense is dark")])
            box.connect("currentIndexChanged(int)", self._onCorrection)
        ui.showButton.connect("toggled(bool)", self._onShow)
        ui.linkCheckBox.connect("toggled(bool)", self.layout.link)

    def show(self, volumes: dict, outlines: dict) -> None:
        """Show what is known of the volumes, node or None by view, and each view's outline in that view alone."""
        others = volumes != self._volumes
        self._volumes, self._outlines = dict(volumes), dict(outlines)
        self._showing = True
        try:
            for view in VIEWS:
                self._showView(view, volumes[view])
        finally:
            self._showing = False
        self._showButton.enabled = any(volumes.values())
        if others and self.layout.shown:
            self.layout.show(volumes, self._linkCheckBox.checked)
        self.layout.showOutlines(outlines)

    def leave(self) -> None:
        """Bring back the layout that the application had."""
        self.layout.leave()
        self._showButton.checked = False

    def _showView(self, view: str, volume) -> None:
        facts = self._logic.imageFacts(volume) if volume else None
        self._readLabels[view].text = describe(facts, view) if facts else ""
        spacing = facts.spacingMm if facts else None
        stated = _("as read ({spacing:.4f} mm)").format(spacing=spacing) if spacing else _("as read")
        self._spacingBoxes[view].specialValueText = _("not stated: enter it") if volume and not spacing else stated
        for boxes, attribute, values in self._corrections():
            boxes[view].enabled = volume is not None
            value = (volume.GetAttribute(attribute) or "") if volume else ""
            boxes[view].setCurrentIndex(values.index(value) if value in values else 0)

    def _corrections(self) -> tuple:
        from MammoRadiomicsLib import mrml

        return (
            (self._lateralityBoxes, LATERALITY_ATTRIBUTE, LATERALITIES),
            (self._polarityBoxes, mrml.POLARITY_ATTRIBUTE, POLARITIES),
        )

    def _onCorrection(self) -> None:
        """Keep a correction with the image that it is about."""
        if self._showing:
            return
        for boxes, attribute, values in self._corrections():
            for view, volume in self._volumes.items():
                value = values[boxes[view].currentIndex]
                if volume and value != (volume.GetAttribute(attribute) or ""):
                    volume.SetAttribute(attribute, value or None)
        self._onCorrected()

    def _onShow(self, shown: bool) -> None:
        if shown:
            with slicer.util.tryWithErrorDisplay(_("The images cannot be shown.")):
                self.layout.show(self._volumes, self._linkCheckBox.checked)
                self.layout.showOutlines(self._outlines)
        else:
            self.layout.leave()


def describe(facts, view: str) -> str:
    """Return what is known of an image in one line; what contradicts its use comes first."""
    breast = {"L": _("left"), "R": _("right")}.get(facts.laterality, "")
    words = " ".join(filter(None, (breast, facts.view)))
    missing = " ".join(
        filter(None, ("" if breast else _("breast not stated,"), "" if facts.view else _("view not stated")))
    )
    spacing = _("pixel spacing not stated")
    if facts.spacingMm:
        spacing = _("{spacing:.4f} mm ({source})").format(spacing=facts.spacingMm, source=facts.spacingSource)
    stored = {"MONOCHROME1": _("stored inverted, turned round here"), "MONOCHROME2": _("dense is bright")}
    polarity = stored.get(facts.polarity, _("polarity not stated"))
    text = ", ".join(filter(None, (words, missing, spacing, polarity)))
    if facts.view in VIEWS and facts.view != view:
        text = _("This is an image of {view}. ").format(view=facts.view) + text
    # The panel itself asks for a missing pixel spacing.
    return " ".join((text + ".", *(note for note in facts.notes if "--spacing" not in note)))
