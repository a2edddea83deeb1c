"""Results as rich text: every number with what must be said of it, legible on a light and on a dark background."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

# Mid-tones, so that they stand out on white and on black.
_BAR, _REST, _WARNING, _STALE = "#2A7FB8", "#C3CBD1", "#D0432F", "#8A8A8A"
BAR_LENGTH = 8


def resultsHtml(results: list[tuple[dict, str]], thresholds: tuple[float, float], computing: bool = False) -> str:
    """Return the results of several models.

    :param results: records of predictions, each with why it is out of date, or an empty text.
    :param thresholds: below and above which probability the band of SLNM is low or high.
    :param computing: whether ranges and explanations are still on their way.
    """
    return "<hr>".join(_result(record, stale, thresholds, computing) for record, stale in results)


def _result(record: dict, stale: str, thresholds: tuple[float, float], computing: bool) -> str:
    from MammoRadiomicsLib import prediction

    title = prediction.outcome_names(record["outcome"])[0]
    parts = [f'<p style="font-size: large"><b>{_text(title)}</b></p>']
    if stale:
        parts.append(f'<p><b><font color="{_WARNING}">{_text(stale)}</font></b></p>')
    parts += [_probabilities(record, bool(stale)), _band(record, thresholds)]
    warning = f'<b><font color="{_WARNING}">{_("Warning")}:</font></b>'
    parts += [f"<p>{warning} {_text(each)}</p>" for each in record["warnings"]]
    parts += [_reasons(record), _small(_footnotes(record, computing))]
    text = "".join(parts)
    return f'<div style="color: {_STALE}">{text}</div>' if stale else text


def _text(text: str) -> str:
    return html.escape(text, quote=False)


def percent(share: float) -> str:
    """Return a probability in per cent."""
    return f"{100 * share:.1f} %"


def _probabilities(record: dict, stale: bool) -> str:
    """A row per class: name, bar, probability, its range over outlines, how common the class is."""
    from MammoRadiomicsLib import prediction

    names = prediction.outcome_names(record["outcome"])[1]
    shown = record["local_probabilities"] or record["probabilities"]
    radiomics = record.get("radiomics_probabilities")
    head = _("With clinical values") if radiomics else _("Probability")
    columns = {head: {key: f"<b>{percent(share)}</b>" for key, share in shown.items()}}
    if radiomics:
        columns[_("Radiomics alone")] = {key: percent(share) for key, share in radiomics.items()}
    if record["range"]:
        ranges = {key: f"{100 * low:.1f} to {percent(high)}" for key, (low, high) in record["range"].items()}
        columns[_("Range over outlines")] = ranges
    shares = {_("In training"): record["prevalence"]["training"], _("Locally"): record["prevalence"]["local"]}
    columns |= {head: {key: percent(of[key]) for key in shown} for head, of in shares.items() if of}
    heads = "".join(f'<td align="right">{_small(_text(head))}</td>' for head in columns)
    rows = [f"<tr><td></td><td></td>{heads}</tr>"]
    for key, probability in shown.items():
        cells = "".join(_pre(f"  {of[key]}", "right") for of in columns.values())
        rows.append(f"<tr><td>{_text(names.get(key, key))}&nbsp;</td>{_pre(bar(probability, stale))}{cells}</tr>")
    return f'<table cellspacing="0" cellpadding="2">{"".join(rows)}</table>'


def _pre(text: str, align: str = "left") -> str:
    """Return a cell that is not broken into lines."""
    return f'<td align="{align}" style="white-space: pre">{text}</td>'


def bar(probability: float, stale: bool = False) -> str:
    """Return a probability as a bar."""
    filled = round(BAR_LENGTH * probability)
    colour = _STALE if stale else _BAR
    blocks = f'<font color="{colour}">{"█" * filled}</font><font color="{_REST}">{"█" * (BAR_LENGTH - filled)}</font>'
    return f'<span style="white-space: pre; font-size: small">{blocks}</span>'


def _band(record: dict, thresholds: tuple[float, float]) -> str:
    """The band by the study's thresholds: for SLNM only, and never for a demonstration model."""
    if record["band"] is None or record["outcome"] != "slnm":
        return ""
    probability = list((record["local_probabilities"] or record["probabilities"]).values())[-1]
    low, high = thresholds
    band = _("low") if probability < low else _("high") if probability > high else _("intermediate")
    kind = _("the study's thresholds") if thresholds == (0.2, 0.6) else _("thresholds of your own, not the study's")
    words = _("Band by {kind} ({low:.0%} and {high:.0%}): {band}. No advice.")
    return f"<p>{_text(words.format(kind=kind, low=low, high=high, band=band))}</p>"


def _reasons(record: dict) -> str:
    """The radscore, and what moved the probability most: Shapley values, before they are there shares of the score."""
    from MammoRadiomicsLib import prediction

    radscore = _("Radscore {score:.3f}").format(score=record["radscore"])
    if not record["explanation"]:
        head = _("{radscore}; its strongest contributions:").format(radscore=radscore)
        return _table(head, [(f"{share:+.3f}", name) for name, share in list(record["contributions"].items())[:5]])
    key, base, shares = prediction.explained(record)
    name = prediction.outcome_names(record["outcome"])[1].get(key, key)
    words = _("{radscore}. What moved the probability of {name} from the model's mean of {base}, in percentage points:")
    head = words.format(radscore=radscore, name=name, base=percent(base))
    return _table(head, [(f"{100 * share:+.1f}", feature) for feature, share, _error in shares])


def _table(head: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><td align="right">{number}&nbsp;</td><td>{_text(name)}</td></tr>' for number, name in rows)
    return f'<p>{_text(head)}</p><table cellspacing="0" cellpadding="1">{cells}</table>'


def _small(text: str) -> str:
    return f'<span style="font-size: small">{text}</span>'


def _footnotes(record: dict, computing: bool) -> str:
    notes = []
    if record["range"]:
        words = _("The range is over {count} plausible outlines; it is no confidence interval.")
        notes.append(words.format(count=record["perturbed_outlines"]))
    elif computing:
        notes.append(_("Range and explanation are being computed."))
    sizes = (
        f"{view}: {each['roi_pixels']} pixels of {each['pixel_spacing_mm']:g} mm"
        for view, each in record["views"].items()
    )
    notes.append("; ".join(sizes) + ".")
    if record.get("clinical"):
        values = (f"{name} {_value(each)}" for name, each in record["clinical"].items())
        notes.append(_("Clinical values: {values}.").format(values=", ".join(values)))
        if record["prevalence"]["local"]:
            notes.append(_("The probability by radiomics alone is as trained."))
    if record.get("scanner"):
        scanner = record["scanner"]
        known = _("Harmonised for the scanner or centre {name}.").format(name=scanner["name"])
        notes.append(known if scanner["harmonised"] else _("Features not harmonised: another scanner or centre."))
    notes.append(_("Contributions describe the model, not the disease. For research; not a medical device."))
    return "<p>" + _text(" ".join(notes)) + "</p>"


def _value(entered: dict) -> str:
    value = entered["value"]
    return f"{value if isinstance(value, str) else f'{value:g}'} {entered['unit']}".strip()
