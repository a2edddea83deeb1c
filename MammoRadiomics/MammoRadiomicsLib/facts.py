"""What is known of one image, where it was read, what must be said of it, and why it may be refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# What a report shows before the rest, in this order.
_FIRST = ("format", "modality", "size", "pixel_spacing_mm", "view", "laterality")


@dataclass(frozen=True)
class Fact:
    """A value that JSON can hold, and where it comes from, such as ``ImageLaterality``."""

    value: Any
    source: str


@dataclass(frozen=True)
class Intake:
    """What is known of one image file.

    Attributes
    ----------
    name : str
        Of the file.
    facts : dict of str to Fact
        By name. What is known to be unknown has the value None, and a source that says why.
    notes : tuple of str
        Sentences that a reader of results should know.
    refusal : str or None
        The sentence that says why the image cannot be judged.
    """

    name: str
    facts: dict[str, Fact]
    notes: tuple[str, ...]
    refusal: str | None

    def value(self, fact: str) -> Any:
        """Value of a fact; None where it is unknown."""
        return self.facts[fact].value if fact in self.facts else None

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """Width and height of a pixel in mm; None where the file does not say."""
        spacing = self.value("pixel_spacing_mm")
        return None if spacing is None else tuple(spacing)

    @property
    def view(self) -> str | None:
        """``CC``, ``MLO`` or another projection."""
        return self.value("view")

    @property
    def laterality(self) -> str | None:
        """``L`` or ``R``."""
        return self.value("laterality")

    @property
    def presentation_intent(self) -> str | None:
        """``FOR PROCESSING`` or ``FOR PRESENTATION``: a cohort should not mix them."""
        return self.value("presentation_intent")

    def to_json(self) -> dict:
        """Return the intake as a JSON object."""
        facts = {name: {"value": fact.value, "source": fact.source} for name, fact in self.facts.items()}
        return {"file": self.name, "refusal": self.refusal, "facts": facts, "notes": list(self.notes)}

    def as_text(self) -> str:
        """Return the intake as a report for a person."""
        names = [name for name in _FIRST if name in self.facts]
        names += [name for name in self.facts if name not in _FIRST]
        width = max((len(name) for name in names), default=0)
        lines = [f"{self.name}: {'refused' if self.refusal else 'can be used'}"]
        lines += [f"  {name.replace('_', ' '):{width}}  {_shown(self.facts[name])}" for name in names]
        lines += [f"Note: {note}" for note in self.notes]
        return "\n".join([*lines, f"Refused: {self.refusal}"] if self.refusal else lines)


def _shown(fact: Fact) -> str:
    if isinstance(fact.value, list | tuple):
        separator = " x " if all(isinstance(each, int | float) for each in fact.value) else ", "
        text = separator.join(f"{each:.6g}" if isinstance(each, float) else str(each) for each in fact.value)
    else:
        text = {None: "unknown", True: "yes", False: "no"}.get(fact.value, fact.value)
    return f"{text}  ({fact.source})"


@dataclass
class Findings:
    """An :class:`Intake` in the making.

    Parameters
    ----------
    what : str
        What to call the image in a sentence, such as ``image left.dcm``.
    """

    what: str
    facts: dict[str, Fact] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    refusal: str | None = None

    def add(self, name: str, value: Any, source: str) -> None:
        """Keep a fact."""
        self.facts[name] = Fact(value, source)

    def add_first(self, name: str, candidates: Iterable[tuple[Any, str]]) -> None:
        """Keep the first of values and their sources; say which of the others contradict it."""
        known = [(value, source) for value, source in candidates if value]
        if not known:
            return
        value, source = known[0]
        self.add(name, value, source)
        for other, where in known[1:]:
            if other != value:
                said = f"{where[0].upper()}{where[1:]} says {other} and {source} {value}"
                self.note(f"{said}; {source} is believed. Check the {name}.")

    def note(self, sentence: str) -> None:
        """Keep a sentence that a reader of results should know."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def refuse(self, reason: str) -> None:
        """Refuse the image, unless it is refused already; `reason` goes on from "The image left.dcm"."""
        self.refusal = self.refusal or f"The {self.what} {reason}"

    def as_intake(self, name: str) -> Intake:
        """Return what was found."""
        return Intake(name, dict(self.facts), tuple(self.notes), self.refusal)
