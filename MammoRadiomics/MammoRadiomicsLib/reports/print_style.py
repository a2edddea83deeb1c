"""How figures for print look: 85 or 180 mm wide, letters of 7 points or more, colours that everybody can tell apart."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Arguments = ParamSpec("_Arguments")

# Names of classes, columns and centres may be in any script; these hold Chinese, Japanese and Korean.
_OTHER_SCRIPTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Source Han Sans SC", "Microsoft YaHei", "SimHei",
    "PingFang SC", "Hiragino Sans", "Yu Gothic", "Malgun Gothic", "Apple SD Gothic Neo", "WenQuanYi Micro Hei",
    "Arial Unicode MS",
)  # fmt: skip

SINGLE_MM, DOUBLE_MM = 85, 180
DOTS_PER_INCH = 300
LETTERS = 7
# Okabe and Ito, 2008.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY, LIGHT_GREY, PALE_GREY = "#606060", "#B4B4B4", "#E5E5E5"
CLASS_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
_NOTE_CHARACTERS = {SINGLE_MM: 62, DOUBLE_MM: 135}
# Room for the numbers and the label of an axis.
_BELOW_POINTS = 25
# Names come from strangers' tables, so a dollar sign must not start a formula.
_STYLE: dict[Any, Any] = {
    "font.size": LETTERS, "axes.titlesize": 7.5, "figure.titlesize": 8.5,
    "figure.labelsize": LETTERS, "text.parse_math": False, "axes.linewidth": 0.6, "lines.linewidth": 1.2,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "legend.frameon": False,
    "legend.handlelength": 1.6, "legend.borderpad": 0.2,
}  # fmt: skip


def for_print(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Let a function draw its figure in this style, whatever style is set elsewhere."""

    @functools.wraps(draw)
    def drawn(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> Figure:
        from matplotlib import rc_context

        with rc_context(_STYLE | {"font.family": font_families()}):
            figure = draw(*arguments, **options)
            for axes in figure.axes:
                for each in (axes, *axes.child_axes):
                    # Ticks are made when they are drawn, and would take the style of that moment.
                    each.tick_params(labelsize=LETTERS, labelfontfamily=font_families(), width=0.6, length=2.5)
            return figure

    return drawn


def for_screen(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Let a function draw its figure with letters for every script that this computer has."""

    @functools.wraps(draw)
    def drawn(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> Figure:
        from matplotlib import rc_context

        with rc_context({"font.family": font_families()}):
            return draw(*arguments, **options)

    return drawn


def font_families() -> list[str]:
    """Return the fonts to write with: DejaVu Sans, and for letters that it lacks what this computer has."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]


def page(width_mm: float, height_mm: float) -> Figure:
    """Return an empty figure of a size in print."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout="constrained", dpi=DOTS_PER_INCH)


def settle(figure: Figure) -> None:
    """Find room for everything in a figure, once for all formats that it is saved in."""
    # The room depends on the ticks, and the ticks on the room.
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def add_note(figure: Figure, text: str) -> None:
    """Write what a reader must know under a figure, broken into lines of its width."""
    width = DOUBLE_MM if figure.get_figwidth() * 25.4 > SINGLE_MM + 1 else SINGLE_MM
    figure.supxlabel(textwrap.fill(text, _NOTE_CHARACTERS[width]), x=0.01, ha="left", color=GREY)


def add_letter(axes: Axes, letter: str) -> None:
    """Name one of several axes."""
    axes.set_title(letter, loc="left", fontweight="bold", fontsize=9)


def name_bars(axes: Axes, names: list[str]) -> None:
    """Write names beside horizontal bars or points, the first above."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", color=PALE_GREY, linewidth=0.5)
    axes.spines["left"].set_visible(False)


def legend_below(axes: Axes, of: Axes | None = None) -> None:
    """Put the legend under the label of the horizontal axis, where no curve runs; each label once.

    Parameters
    ----------
    axes : Axes
        Where it stands.
    of : Axes, optional
        Whose curves it explains, where not its own.
    """
    from matplotlib.transforms import ScaledTranslation

    handles, labels = (of or axes).get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    place = axes.transAxes + ScaledTranslation(0, -_BELOW_POINTS / 72, axes.figure.dpi_scale_trans)
    axes.legend(entries.values(), entries, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=place)
