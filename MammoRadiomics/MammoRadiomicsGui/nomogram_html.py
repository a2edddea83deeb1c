"""A nomogram as rich text: what each value is worth in points, their total, and the probability that it means."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from .result_html import bar, percent


def nomogramHtml(title: str, model, record: dict | None, values: dict[str, float | str]) -> str:
    """Return the nomogram of a combined model for a lesion.

    :param title: name of the model.
    :param record: of the model's prediction for these outlines, for its radscore; None without.
    :param values: clinical values by name, those that were entered.
    """
    from MammoRadiomicsLib import nomogram, prediction

    chart = nomogram.Nomogram.of(model)
    known: dict[str, float | str] = dict(values)
    if record:
        known[nomogram.RADSCORE] = record["radscore"]
    names = prediction.outcome_names(model.outcome)[1]
    heads = [names.get(panel.name, panel.name) for panel in chart.panels]
    several = len(heads) > 1
    pointHeads = [_("Points, {name}").format(name=head) if several else _("Points") for head in heads]
    rows = [_row("", "", [f"<small>{_text(head)}</small>" for head in pointHeads])]
    for i, axis in enumerate(chart.panels[0].axes):
        value = known.get(axis.name)
        cells = [_points(panel.axes[i], value) for panel in chart.panels]
        rows.append(_row(_text(axis.name), _text(_shown(axis, value)), cells))
    missing = [axis.name for axis in chart.panels[0].axes if axis.name not in known]
    return f"<p><b>{_text(_('Nomogram: {title}').format(title=title))}</b></p>" + (
        f"{_table(rows)}{_missing(missing, nomogram.RADSCORE)}"
        if missing
        else _table([*rows, *_totals(chart, chart.points(known), names, record)])
    )


def _totals(chart, points: dict, names: dict[str, str], record: dict) -> list[str]:
    """The row of the total points, and one for each class with its probability."""
    totals = chart.total(points)
    rows = [_row(f"<b>{_('Total')}</b>", "", [f"<b>{totals[panel.name]:.1f}</b>" for panel in chart.panels])]
    local = record["prevalence"]["local"]
    probabilities = chart.probability(totals, local) if local else chart.probability(totals)
    for name, share in probabilities.items():
        label = _("Probability of {name}").format(name=names.get(name, name))
        rows.append(_row(_text(label), f"{bar(share)} <b>{percent(share)}</b>", [""] * len(chart.panels)))
    return rows


def _points(axis, value: float | str | None) -> str:
    return "" if value is None else f"{axis.points(value):.1f}"


def _shown(axis, value: float | str | None) -> str:
    if value is None:
        return _("not known")
    text = value if isinstance(value, str) else f"{value:.4g}"
    return f"{text} {axis.unit}".strip()


def _missing(names: list[str], radscore: str) -> str:
    """Say what is needed before there is a probability."""
    entered = [name for name in names if name != radscore]
    words = []
    if entered:
        words.append(_("Enter {names}.").format(names=", ".join(entered)))
    if radscore in names:
        words.append(_("The radscore of these outlines comes with the prediction."))
    return f"<p>{_text(' '.join(words))}</p>"


def _row(name: str, value: str, cells: list[str]) -> str:
    numbers = "".join(f'<td align="right">&nbsp;&nbsp;{cell}</td>' for cell in cells)
    return f'<tr><td>{name}&nbsp;&nbsp;</td><td align="right">{value}</td>{numbers}</tr>'


def _table(rows: list[str]) -> str:
    return f'<table cellspacing="0" cellpadding="2">{"".join(rows)}</table>'


def _text(text: str) -> str:
    return html.escape(text, quote=False)
