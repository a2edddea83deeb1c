"""``slicer.parameterNodeWrapper``: typed attributes over a real vtkMRMLScriptedModuleNode, bound to widgets.

Values are kept as Slicer keeps them (parameters as text, nodes as node references), read once and again whenever the
node says that it changed. Types: MRML nodes, optional nodes, lists of nodes, float, int, str, bool, pathlib.Path;
numbers with a WithinRange, text with a Choice. Any other type is refused.
"""

from __future__ import annotations

import types
import typing
import weakref
from pathlib import Path

import slicer
import vtk

# Widget class and type of the parameter -> property or methods that hold the value, and the signal of its change.
CONNECTORS = {
    ("qMRMLNodeComboBox", slicer.vtkMRMLNode): ("", "currentNodeChanged(vtkMRMLNode*)"),
    ("QDoubleSpinBox", float): ("value", "valueChanged(double)"),
    ("QSpinBox", int): ("value", "valueChanged(int)"),
    ("QLineEdit", str): ("text", "textChanged(QString)"),
    ("QComboBox", str): ("currentIndex", "currentIndexChanged(int)"),
    ("QCheckBox", bool): ("checked", "toggled(bool)"),
    ("ctkPathLineEdit", Path): ("currentPath", "currentPathChanged(QString)"),
}
DEFAULTS = {float: 0.0, int: 0, str: "", bool: False, Path: Path(), slicer.vtkMRMLNode: None}


class WithinRange:
    def __init__(self, minimum: float, maximum: float):
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: float) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


class Choice:
    def __init__(self, choices: list):
        self.choices = choices

    def validate(self, value: object) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is not one of {self.choices}")


class _Parameter:
    """One attribute: its type, range and default, and its form on the node."""

    def __init__(self, name: str, hint: object, default: object):
        self.name = name
        self.validators = getattr(hint, "__metadata__", ())
        hint = typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            hint = next(each for each in typing.get_args(hint) if each is not type(None))
        self.exact = hint
        self.kind = slicer.vtkMRMLNode if issubclass(hint, slicer.vtkMRMLNode) else hint
        if self.kind not in DEFAULTS:
            raise TypeError(f"The parameter {name} is a {hint}, which this stand-in does not imitate")
        self.default = DEFAULTS[self.kind] if default is None else default

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, value: object) -> None:
        accepted = (float, int) if self.kind is float else self.exact
        if not isinstance(value, accepted) and not (self.kind is slicer.vtkMRMLNode and value is None):
            raise TypeError(f"The parameter {self.name} is a {self.exact.__name__}, not {value!r}")
        for each in self.validators:
            each.validate(value)
        is_node = self.kind is slicer.vtkMRMLNode
        node.SetParameter(self.name, "" if is_node else str(value))
        if is_node:
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)

    def read(self, node: slicer.vtkMRMLScriptedModuleNode) -> object:
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        if self.kind is slicer.vtkMRMLNode:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        return text == "True" if self.kind is bool else self.kind(text)


class _NodeList:
    """An attribute that is a list of nodes: its length under ``name.len``, the nodes as ``name.0`` and so on."""

    def __init__(self, name: str, element: type):
        self.name = name
        self.element = element
        self.exact = self.kind = list
        self.validators = ()

    def _at(self, index: int) -> _Parameter:
        return _Parameter(f"{self.name}.{index}", self.element, None)

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, value: typing.Iterable) -> None:
        value = list(value)
        for index, each in enumerate(value):
            self._at(index).write(node, each)
        for index in range(len(value), int(node.GetParameter(f"{self.name}.len") or 0)):
            node.UnsetParameter(f"{self.name}.{index}")
            node.RemoveNodeReferenceIDs(f"{self.name}.{index}")
        node.SetParameter(f"{self.name}.len", str(len(value)))

    def read(self, node: slicer.vtkMRMLScriptedModuleNode) -> tuple:
        """Return the nodes; a tuple, because changing the list that Slicer gives is not imitated."""
        if not node.HasParameter(f"{self.name}.len"):
            self.write(node, [])
        return tuple(self._at(index).read(node) for index in range(int(node.GetParameter(f"{self.name}.len"))))


def _make_parameter(name: str, hint: object, default: object) -> _Parameter | _NodeList:
    if typing.get_origin(hint) is list and issubclass(typing.get_args(hint)[0], slicer.vtkMRMLNode):
        return _NodeList(name, typing.get_args(hint)[0])
    return _Parameter(name, hint, default)


class _Wrapper:
    """What the decorated class derives from."""

    def __init__(self, parameterNode: slicer.vtkMRMLScriptedModuleNode):
        vars(self).update(parameterNode=parameterNode, _connections={}, _writing_gui=False, _values={})
        self._read()
        reference = weakref.ref(self)
        self._tag = parameterNode.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda *_: reference() and reference()._read(), 1.0
        )

    def __del__(self):
        self.parameterNode.RemoveObserver(self._tag)

    def _read(self) -> None:
        self._values.update({name: each.read(self.parameterNode) for name, each in self.allParameters.items()})

    def setValue(self, name: str, value: object) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            self.allParameters[name].write(self.parameterNode, value)
            self._read()

    def connectGui(self, gui: object) -> int:
        """Bind every widget that carries a SlicerParameterName; returns a tag for disconnectGui."""
        bound = {}
        for widget in vars(gui).values():
            name = widget.property("SlicerParameterName")
            if name:
                bound[name] = (widget, *self._connector(name, widget))
        for name, (widget, _, signal) in bound.items():
            self._write_gui({name: bound[name]})
            bound[name] += (self._make_callback(name, *bound[name][:2]),)
            widget.connect(signal, bound[name][3])
        tag = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._write_gui(bound))
        self._connections[tag] = bound
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        for widget, _, signal, callback in self._connections.pop(tag, {}).values():
            widget.disconnect(signal, callback)
        if tag is not None:
            self.RemoveObserver(tag)

    def _connector(self, name: str, widget: object) -> tuple[str, str]:
        parameter = self.allParameters[name]
        if (widget.className(), parameter.kind) not in CONNECTORS:
            raise RuntimeError(f"A {widget.className()} cannot show the parameter {name} here")
        for each in parameter.validators:
            if isinstance(each, WithinRange):
                widget.minimum, widget.maximum = each.minimum, each.maximum
            else:
                widget.clear()
                widget.addItems(each.choices)
        return CONNECTORS[widget.className(), parameter.kind]

    def _make_callback(self, name: str, widget: object, attribute: str) -> typing.Callable:
        def callback() -> None:
            if not self._writing_gui:
                self.setValue(name, self._read_gui(name, widget, attribute))

        return callback

    def _read_gui(self, name: str, widget: object, attribute: str) -> object:
        if not attribute:
            return widget.currentNode()
        value = getattr(widget, attribute)
        if attribute == "currentIndex":
            # By its place, because a panel may give the choices other names.
            return self._choices(name)[value]
        return Path(value) if self.allParameters[name].kind is Path else value

    def _choices(self, name: str) -> list:
        return next(each.choices for each in self.allParameters[name].validators if isinstance(each, Choice))

    def _write_gui(self, bound: dict) -> None:
        if self._writing_gui:
            return
        self._writing_gui = True
        try:
            for name, (widget, attribute, *_) in bound.items():
                value = self._values[name]
                if attribute == "currentIndex":
                    widget.currentIndex = self._choices(name).index(value)
                elif attribute:
                    setattr(widget, attribute, str(value) if isinstance(value, Path) else value)
                else:
                    widget.setCurrentNode(value)
        finally:
            self._writing_gui = False

    def AddObserver(self, event: object, callback: typing.Callable, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, was_modified: int) -> None:
        self.parameterNode.EndModify(was_modified)


def parameterNodeWrapper(cls: type) -> type:
    """Make a class of annotated attributes into a wrapper of a parameter node."""
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: _make_parameter(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}
    members = {name: _attribute(name) for name in parameters}
    return type(cls.__name__, (_Wrapper,), {"__doc__": cls.__doc__, "allParameters": parameters, **members})


def _attribute(name: str) -> property:
    return property(lambda self: self._values[name], lambda self, value: self.setValue(name, value))
