"""Slicer's dark style, to see whether the panels are legible in it."""

from __future__ import annotations

# Slicer's dark style (Base/QTGUI/qSlicerDarkStyle): window, text on it, base of the fields, highlight.
DARK = {"Window": "#454545", "WindowText": "#ffffff", "Base": "#2e2e2e", "AlternateBase": "#454545", "Text": "#ffffff",
        "Button": "#454545", "ButtonText": "#ffffff", "Highlight": "#2a82da", "HighlightedText": "#ffffff",
        "PlaceholderText": "#a0a0a0", "ToolTipBase": "#454545", "ToolTipText": "#ffffff"}  # fmt: skip


def darken() -> None:
    """Give every widget the colours of Slicer's dark style."""
    from PySide6.QtGui import QColor, QPalette
    from PySide6.QtWidgets import QApplication

    palette = QPalette()
    for role, colour in DARK.items():
        palette.setColor(QPalette.ColorRole[role], QColor(colour))
    for role in ("Text", "WindowText", "ButtonText"):
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole[role], QColor("#808080"))
    QApplication.instance().setPalette(palette)
