"""Predictions and features in the child process: pixels and models go there once, outlines with every request."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import qt

from . import image_facts
from .child import Child


class Predictor:
    """Answers about the newest request only; while one is under way, a newer one waits and replaces a waiting one.

    :param onAnswer: called with what the request was given as its token, and the answer of the child process.
    :param onEnded: called with a sentence when the child process ended by itself.
    """

    def __init__(self, onAnswer: Callable[[object, dict], None], onEnded: Callable[[str], None]):
        self._onAnswer = onAnswer
        self._onEnded = onEnded
        self._child = Child(self._onMessage, self._onChildEnded)
        self._known: dict[str, str] = {}
        self._messages: Iterator[dict] | None = None
        self._waiting = None
        self._current = self._token = None
        # Pixels go in parts, one in each turn of the event loop, so that the window stays alive.
        self._pump = qt.QTimer()
        self._pump.connect("timeout()", self._sendNext)

    @property
    def busy(self) -> bool:
        """Tell whether an answer is awaited."""
        return self._isWorking or self._waiting is not None

    @property
    def _isWorking(self) -> bool:
        return self._messages is not None or self._child.busy

    def predict(self, views: dict, models: dict, token: object, **how) -> None:
        """Ask for predictions.

        :param views: as ``MammoRadiomicsLogic.predict`` takes them.
        :param models: local prevalence, or None, by model node.
        :param token: comes back with the answer, whose ``records`` has the node IDs of the models as keys.
        :param how: ``perturb``, ``explain``.
        """
        self._request("predict", views, models, token, how)

    def features(self, views: dict, preset: str, token: object) -> None:
        """Ask for all features of a preset; the answer has ``features`` by view, and ``notes``."""
        self._request("features", views, {}, token, {"preset": preset})

    def cancel(self, waitMs: int = 0) -> None:
        """Stop what is under way, and forget everything; the next request starts anew."""
        self._pump.stop()
        self._child.close(waitMs)
        self._messages = self._waiting = self._current = self._token = None
        self._known = {}

    def reset(self) -> None:
        """Forget everything, for another scene; a process that is idle stays for it."""
        if self.busy:
            self.cancel()
        elif self._known:
            self._child.tell({"forget": list(self._known.values())})
            self._known = {}

    def _request(self, kind: str, views: dict, models: dict, token: object, how: dict) -> None:
        from MammoRadiomicsLib import mrml, parts

        outlines, images = {}, []
        for view, (volume, segmentation, segmentId, spacingMm) in views.items():
            pixels, geometry = mrml.pixels_of_volume(volume)
            reading = image_facts.reading(volume, spacingMm)
            key = f"{volume.GetID()} {volume.GetImageData().GetMTime()} {geometry} {reading}"
            images.append((volume.GetID(), key, pixels, geometry, reading))
            part, corner = mrml.part_of_segment(segmentation, segmentId, volume)
            outlines[view] = {"image": key, "mask": parts.mask_message(part, corner)}
        request = {kind: {"views": outlines, **how}}
        if models:
            request[kind]["models"] = {_keyOfModel(node): local for node, local in models.items()}
        self._waiting = (request, images, list(models), token)
        if not self._isWorking:
            self._begin()

    def _begin(self) -> None:
        """Start sending what waits, first whatever the child process does not have yet."""
        (self._current, images, models, self._token), self._waiting = self._waiting, None
        self._messages = self._missing(images, models)
        self._sendNext()
        if self._messages is not None:
            self._pump.start(0)

    def _missing(self, images: list, models: list) -> Iterator[dict]:
        from MammoRadiomicsLib import parts

        for owner, key, pixels, geometry, reading in images:
            if self._isNew(owner, key):
                yield from parts.image_messages(key, pixels, geometry, reading)
                self._known[owner] = key
        for node in models:
            if self._isNew(node.GetID(), _keyOfModel(node)):
                yield {"model": _keyOfModel(node), "text": node.GetText()}
                self._known[node.GetID()] = _keyOfModel(node)

    def _isNew(self, owner: str, key: str) -> bool:
        known = self._known.get(owner)
        if known is not None and known != key:
            self._child.tell({"forget": [self._known.pop(owner)]})
        return known != key

    def _sendNext(self) -> None:
        """Send messages up to the next large one, at the end the request."""
        for message in self._messages:
            self._child.tell(message)
            if "data" in message:
                return
        self._pump.stop()
        self._messages = None
        self._child.send(self._current)

    def _onMessage(self, message: dict) -> None:
        if "done" in message:
            return
        if "records" in message:
            message["records"] = {key.partition(" ")[0]: record for key, record in message["records"].items()}
        token, self._token = self._token, None
        self._onAnswer(token, message)
        if self._waiting is not None and not self._isWorking:
            self._begin()

    def _onChildEnded(self, reason: str) -> None:
        self.cancel()
        self._onEnded(reason)


def _keyOfModel(node) -> str:
    return f"{node.GetID()} {node.GetMTime()}"
