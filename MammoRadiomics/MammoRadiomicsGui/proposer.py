"""Outlines proposed in the child process: it is given the outline model and the images beforehand, so that a click is
a request of a line and not of megabytes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from . import image_facts
from .child import Child


class Proposer:
    """Answers the newest question only.

    :param onLoaded: called with what is known of a model that has been loaded: name, card, purpose.
    :param onProposal: called with the token of a question, the proposed part (rows, columns; None where there is
        none), its first row and column on the image, and the child's answer with reason, confidence and area_mm2.
    :param onFailed: called with a sentence.
    """

    def __init__(self, onLoaded: Callable[[dict], None], onProposal: Callable, onFailed: Callable[[str], None]):
        self._onLoaded, self._onProposal, self._onFailed = onLoaded, onProposal, onFailed
        self._child = Child(self._onMessage, self._onEnded)
        self._known: dict[str, str] = {}
        self._prepared: dict[str, str] = {}
        self._key = ""
        self._loading = self._asked = 0
        self._token: object = None
        self.model: dict | None = None

    @property
    def busy(self) -> bool:
        """Tell whether an answer is awaited."""
        return self._child.busy

    def load(self, path: Path) -> None:
        """Load a model file, unless it is loaded already."""
        key = f"{path} {path.stat().st_mtime_ns}" if path.is_file() else str(path)
        if key == self._key:
            return
        self._child.forget()
        if self._key:
            self._child.tell({"forget": [self._key]})
        self._key, self.model = key, None
        self._loading = self._child.send({"segmenter": key, "path": str(path)})

    def prepare(self, volume, spacingMm: float | None) -> None:
        """Hand an image over while the user has not yet clicked, and let the model look at it once.

        What is slow only the first time, such as reading the image's DICOM file, is over then.
        """
        key, pixels, *_rest = image = image_facts.toSend(volume, spacingMm)
        if self._prepared.get(volume.GetID()) != key:
            self._prepared[volume.GetID()] = key
            middle = [size // 2 for size in pixels.shape[::-1]]
            request = {"segmenter": self._key, "image": key, "click": middle, "box": None}
            self._child.send({"propose": request}, self._missing(volume, image))

    def ask(self, volume, spacingMm: float | None, where: dict, token: object) -> None:
        """Ask for an outline; what was asked before is not answered any more.

        :param where: ``click`` or ``box`` in pixels of the image, None for the other.
        """
        image = image_facts.toSend(volume, spacingMm)
        request = {"segmenter": self._key, "image": image[0], **where}
        self._asked = self._child.send({"propose": request}, self._missing(volume, image))
        self._token = token

    def drop(self) -> None:
        """Give up what was asked."""
        self._asked, self._token = 0, None

    def forgetImages(self) -> None:
        """Let go of the images, for another scene."""
        if self._known:
            self._child.tell({"forget": list(self._known.values())})
            self._known, self._prepared = {}, {}

    def close(self, waitMs: int = 0) -> None:
        """End the child process; the next model to be loaded starts another."""
        self._child.close(waitMs)
        self.drop()
        self._key, self.model, self._known, self._prepared = "", None, {}, {}

    def _missing(self, volume, image: tuple) -> Iterator[dict]:
        """Yield the messages that hand over an image, if the child process has it not."""
        from MammoRadiomicsLib import parts

        owner, key = volume.GetID(), image[0]
        if self._known.get(owner) == key:
            return
        if owner in self._known:
            yield {"forget": [self._known.pop(owner)]}
        yield from parts.image_messages(*image)
        self._known[owner] = key

    def _onMessage(self, message: dict) -> None:
        number = message["id"]
        if number == self._loading:
            self._onModel(message)
        elif number == self._asked:
            token = self._token
            self.drop()
            if "error" in message:
                self._onFailed(message["error"])
            else:
                found = message["proposal"]
                self._onProposal(token, *_decoded(found["mask"]), found)

    def _onModel(self, message: dict) -> None:
        if "error" in message:
            self.drop()
            self._key = ""
            self._onFailed(message["error"])
        else:
            self.model = message["segmenter"]
            self._onLoaded(self.model)

    def _onEnded(self, reason: str) -> None:
        self.close()
        self._onFailed(reason)


def _decoded(mask: dict | None) -> tuple[np.ndarray | None, tuple[int, int]]:
    """Return a proposal's pixels, and its first row and column."""
    if mask is None:
        return None, (0, 0)
    return np.frombuffer(base64.b64decode(mask["data"]), np.uint8).reshape(mask["shape"]), tuple(mask["corner"])
