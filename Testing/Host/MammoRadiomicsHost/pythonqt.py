"""How PythonQt shows Qt objects to Python, over PySide6.

A property is an attribute that holds a value, an unknown name raises AttributeError, signals are connected by their
C++ signature. Only names of the real application (:mod:`.api`) pass; a name that Slicer has and this stand-in does not
imitate raises NotImplementedError.

In Slicer two mistakes pass in silence: connecting to a signal that does not exist (False comes back) and an exception
in a slot (it goes to the console). Here both are added to :data:`failures`, and the tests fail when it is not empty.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6.QtCore import QMetaMethod, QObject
from PySide6.QtWidgets import QWidget

from . import api

API = api.load()
failures: list[str] = []
_wrapped: dict[int, Wrapped] = {}


def wrap(value: Any) -> Any:
    """Return what PythonQt shows: a :class:`Wrapped` for a QObject, always the same one; other values as they are."""
    if isinstance(value, (list, tuple)):
        return [wrap(each) for each in value]
    if not isinstance(value, QObject):
        return value
    address = shiboken6.getCppPointer(value)[0]
    known = _wrapped.get(address)
    if known is None or not shiboken6.isValid(known._qt):
        known = _wrapped[address] = Wrapped(value)
    return known


def unwrap(value: Any) -> Any:
    """Return the PySide6 object behind a wrapped one."""
    if isinstance(value, (list, tuple)):
        return [unwrap(each) for each in value]
    return value._qt if isinstance(value, Wrapped) else value


class Wrapped:
    """One C++ object as PythonQt shows it."""

    __slots__ = ("_class", "_connections", "_qt")

    def __init__(self, qobject: QObject):
        object.__setattr__(self, "_qt", qobject)
        object.__setattr__(self, "_class", _api_class(qobject))
        object.__setattr__(self, "_connections", [])

    def __repr__(self) -> str:
        return f"{self._class} ({self._qt.objectName()})"

    def __getattr__(self, name: str) -> Any:
        name = api.ALIASES.get(name, name)
        if name in API.names(self._class, "properties"):
            self._require_imitation(self._qt.metaObject().indexOfProperty(name) >= 0, name)
            return wrap(self._qt.property(name))
        if any(signature.partition("(")[0] == name for signature in API.names(self._class, "signals")):
            return WrappedSignal(self, name)
        if name not in API.names(self._class, "callables"):
            raise AttributeError(f"{self._class} has no attribute {name} in Slicer")
        self._require_imitation(hasattr(self._qt, name), name)
        method = getattr(self._qt, name)
        return lambda *args: wrap(method(*map(unwrap, args)))

    def __setattr__(self, name: str, value: Any) -> None:
        name = api.ALIASES.get(name, name)
        if name not in API.names(self._class, "properties"):
            raise AttributeError(f"{self._class} has no property {name} in Slicer")
        self._require_imitation(self._qt.metaObject().indexOfProperty(name) >= 0, name)
        if not self._qt.setProperty(name, unwrap(value)):
            raise AttributeError(f"{self._class}.{name} cannot be set to {value!r}")

    def _require_imitation(self, imitated: bool, name: str) -> None:
        if not imitated:
            raise NotImplementedError(f"{self._class}.{name} exists in Slicer, but this stand-in does not imitate it")

    def className(self) -> str:
        return self._class

    def connect(self, signature: str, callback: Callable) -> bool:
        """Connect by the C++ signature; False, and a recorded failure, for a signal that does not exist."""
        if not API.accepts(self._class, signature):
            failures.append(f"connect: {self!r} has no signal {signature}")
            return False
        name, count = _name_and_count(signature)
        self._require_imitation(_emits(self._qt, signature), signature)
        slot = _slot(callback, count)
        getattr(self._qt, name).connect(slot)
        self._connections.append((signature, callback, slot))
        return True

    def disconnect(self, signature: str, callback: Callable) -> bool:
        for known in self._connections:
            if known[:2] == (signature, callback):
                getattr(self._qt, _name_and_count(signature)[0]).disconnect(known[2])
                self._connections.remove(known)
                return True
        return False


class WrappedClass:
    """A Qt class as Python sees it: a call makes an object that Python owns, attributes are constants and statics."""

    def __init__(self, qt_class: type):
        self._qt_class = qt_class
        self._name = qt_class.__name__

    def __call__(self, *args: Any) -> Wrapped:
        return Wrapped(self._qt_class(*map(unwrap, args)))

    def __getattr__(self, name: str) -> Any:
        if name not in API.names(self._name, "callables"):
            raise AttributeError(f"{self._name} has no attribute {name} in Slicer")
        return getattr(self._qt_class, name)


class WrappedSignal:
    """``button.clicked``: connects through the longest signature of that name."""

    def __init__(self, owner: Wrapped, name: str):
        signatures = [each for each in API.names(owner._class, "signals") if each.partition("(")[0] == name]
        self._owner = owner
        self._signature = max(signatures, key=lambda each: (_emits(owner._qt, each), _name_and_count(each)[1]))

    def connect(self, callback: Callable) -> bool:
        return self._owner.connect(self._signature, callback)

    def disconnect(self, callback: Callable) -> bool:
        return self._owner.disconnect(self._signature, callback)


def _api_class(qobject: QObject) -> str:
    """Return the nearest class that the extract knows; Qt's private helpers are shown as what they derive from."""
    meta = qobject.metaObject()
    while meta is not None:
        if meta.className() in API.classes:
            return meta.className()
        meta = meta.superClass()
    return "QWidget" if isinstance(qobject, QWidget) else "QObject"


def _name_and_count(signature: str) -> tuple[str, int]:
    name, _, arguments = signature.rstrip(")").partition("(")
    return name, len(arguments.split(",")) if arguments else 0


def _emits(qobject: QObject, signature: str) -> bool:
    """Tell whether Qt 6, or the stand-in's own widget, has this signal; Python's own types count as any C++ type."""
    name, _, arguments = signature.rstrip(")").partition("(")
    wanted = arguments.split(",") if arguments else []
    meta = qobject.metaObject()
    for method in (meta.method(i) for i in range(meta.methodCount())):
        if method.methodType() != QMetaMethod.MethodType.Signal or bytes(method.name()).decode() != name:
            continue
        types = [bytes(each).decode() for each in method.parameterTypes()]
        if len(types) == len(wanted) and all(a in (b, "PyObject") for a, b in zip(types, wanted, strict=True)):
            return True
    return False


def _slot(callback: Callable, count: int) -> Callable:
    """Return a slot of `count` arguments; a function that takes fewer gets fewer, as in PythonQt."""
    accepted = count
    if (
        inspect.isfunction(callback) or inspect.ismethod(callback)
    ) and not callback.__code__.co_flags & inspect.CO_VARARGS:
        accepted = min(count, callback.__code__.co_argcount - inspect.ismethod(callback))

    def call(*args: Any) -> None:
        try:
            callback(*map(wrap, args[:accepted]))
        except Exception:
            failures.append(f"in a slot: {traceback.format_exc()}")

    # PySide6 looks at the slot to choose among signals of one name, so it must show its arguments.
    return (lambda: call(), lambda a: call(a), lambda a, b: call(a, b))[count]  # noqa: PLW0108
