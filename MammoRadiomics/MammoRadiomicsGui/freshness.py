"""Whether results still belong to the image, outline, model and values that are selected."""

from __future__ import annotations

from collections.abc import Callable

from . import records


class Freshness:
    """Remembers what each result was made of; a look at all pixels is left to the child process, once for each state.

    :param ask: called with views and a token when their outlines must be described; :meth:`take` brings the answer.
    """

    def __init__(self, ask: Callable[[dict, object], None]):
        self._ask = ask
        self.forget()

    def forget(self) -> None:
        """Forget what belongs to a scene."""
        self._states: dict[str, tuple] = {}
        self._reasons: dict[str, tuple[tuple, str]] = {}
        self._described: tuple[object, dict] = (None, {})

    def keep(self, resultNode, state: tuple) -> None:
        """Remember the state that a result was made of."""
        self._states[resultNode.GetID()] = state

    def isOf(self, resultNode, state: tuple) -> bool:
        """Tell whether a result was made of a state."""
        return self._states.get(resultNode.GetID()) == state

    def take(self, token: object, described: dict) -> None:
        """Take what the outlines are; empty where they cannot be used."""
        self._described = token, described

    def reason(self, resultNode, inputs: records.Inputs) -> str | None:
        """Return what has changed since a result was made; empty when nothing has, None while that is looked at."""
        now = records.state(inputs)
        if self.isOf(resultNode, now):
            return ""
        known, reason = self._reasons.get(resultNode.GetID(), (None, ""))
        if known == now:
            return reason
        reason = records.difference(resultNode, inputs)
        if reason is None:
            views = records.stateOfViews(inputs.views)
            if self._described[0] != views:
                self._ask(inputs.views, views)
                return None
            reason = records.differenceOfPixels(resultNode, self._described[1])
        self._reasons[resultNode.GetID()] = now, reason
        if not reason:
            self._states[resultNode.GetID()] = now
        return reason
