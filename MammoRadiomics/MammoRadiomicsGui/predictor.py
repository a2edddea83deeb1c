"""Predictions and features in the child process: pixels and models go there once, outlines with every request."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
        self._waiting = self._token = None

    @property
    def busy(self) -> bool:
        """Tell whether an answer is awaited."""
        return self._child.busy or self._waiting is not None

    def predict(self, inputs: dict, token: object, **how) -> None:
        """Ask for predictions.

        :param inputs: records.Inputs by model node, all of the same views.
        :param token: comes back with the answer, whose ``records`` has the node IDs of the models as keys.
        :param how: ``perturb``, ``explain``.
        """
        views = next(iter(inputs.values())).views
        how["models"] = {_keyOfModel(node): each.how() for node, each in inputs.items()}
        self._request("predict", views, list(inputs), token, how)

    def features(self, views: dict, preset, token: object) -> None:
        """Ask for all features of a preset (MammoRadiomicsLib.presets.Preset).

        The answer has ``features`` by view, and ``notes``.
        """
        self._request("features", views, [], token, {"preset": preset.to_json()})

    def describe(self, views: dict, token: object) -> None:
        """Ask what the outlines are now; the answer has ``described``, as :func:`.prediction.describe`, by view."""
        self._request("describe", views, [], token, {})

    def cancel(self, waitMs: int = 0) -> None:
        """Stop what is under way, and forget everything; the next request starts anew."""
        self._child.close(waitMs)
        self._waiting = self._token = None
        self._known = {}

    def reset(self) -> None:
        """Forget everything, for another scene; a process that is idle stays for it."""
        if self.busy:
            self.cancel()
        elif self._known:
            self._child.tell({"forget": list(self._known.values())})
            self._known = {}

    def _request(self, kind: str, views: dict, models: list, token: object, how: dict) -> None:
        from MammoRadiomicsLib import mrml, parts

        outlines, images = {}, []
        for view, (volume, segmentation, segmentId, spacingMm) in views.items():
            image = image_facts.toSend(volume, spacingMm)
            images.append((volume.GetID(), *image))
            part, corner = mrml.part_of_segment(segmentation, segmentId, volume)
            outlines[view] = {"image": image[0], "mask": parts.mask_message(part, corner)}
        self._waiting = ({kind: {"views": outlines, **how}}, images, models, token)
        if not self._child.busy:
            self._begin()

    def _begin(self) -> None:
        """Send what waits, first whatever the child process does not have yet."""
        (request, images, models, self._token), self._waiting = self._waiting, None
        self._child.send(request, self._missing(images, models))

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

    def _onMessage(self, message: dict) -> None:
        if "done" in message:
            return
        if "records" in message:
            message["records"] = {key.partition(" ")[0]: record for key, record in message["records"].items()}
        token, self._token = self._token, None
        self._onAnswer(token, message)
        if self._waiting is not None and not self._child.busy:
            self._begin()

    def _onChildEnded(self, reason: str) -> None:
        self.cancel()
        self._onEnded(reason)


def _keyOfModel(node) -> str:
    return f"{node.GetID()} {node.GetMTime()}"
