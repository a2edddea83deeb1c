"""How an outline network is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..errors import InputError
from ..settings import PURPOSES

# What each number may be, both ends included.
RANGES = {
    "patch_mm": (8, 200),
    "pixels": (32, 256),
    "width": (4, 64),
    "folds": (2, 20),
    "epochs": (1, 1000),
    "patience": (1, 1000),
    "batch": (2, 256),
    "clicks": (1, 100),
    "learning_rate": (1e-6, 1),
    "background": (0, 0.9),
    "click_shift_mm": (0, 20),
    "random_state": (0, 2**31 - 1),
}


@dataclass(frozen=True)
class SegmenterSettings:
    """How an outline network is trained.

    Parameters
    ----------
    reader : str
        Whose outlines train; empty for the first reader of the table.
    patch_mm : float
        Side of the square around the click that the network sees first; twice the largest usual lesion.
    pixels : int
        Pixels along a side, a multiple of 8.
    width : int
        Channels of the first level; each of the three below has twice those above it.
    folds : int
        Parts of the patients; one network for each, trained on the others. The file holds them all and averages them.
    epochs : int
        At most.
    patience : int
        Epochs without a better Dice after which a network is done.
    batch : int
        Patches a step.
    clicks : int
        Patches of each outline in an epoch.
    learning_rate : float
        Largest of AdamW's, falling to zero along a cosine.
    background : float
        Share of patches whose click lies beside all outlines and whose answer is nothing.
    click_shift_mm : float
        How far the simulated click may lie from the outline's centre.
    random_state : int
        Seed.
    purpose : {"research", "demonstration"}
    """

    reader: str = ""
    patch_mm: float = 64.0
    pixels: int = 96
    width: int = 16
    folds: int = 5
    epochs: int = 60
    patience: int = 15
    batch: int = 16
    clicks: int = 4
    learning_rate: float = 3e-3
    background: float = 0.15
    click_shift_mm: float = 4.0
    random_state: int = 15
    purpose: str = "research"

    def validate(self) -> None:
        """Raise InputError for the first setting that makes no sense."""
        for name, (smallest, largest) in RANGES.items():
            value = getattr(self, name)
            if not smallest <= value <= largest:
                raise InputError(f"{name} is {value:g}; it must lie between {smallest:g} and {largest:g}.")
        if self.pixels % 8:
            raise InputError(f"A patch of {self.pixels} pixels cannot be halved three times. Use a multiple of 8.")
        if self.purpose not in PURPOSES:
            raise InputError(f"The purpose {self.purpose!r} is none of {', '.join(PURPOSES)}.")

    def to_json(self) -> dict:
        """Return the settings as JSON types."""
        return asdict(self)
