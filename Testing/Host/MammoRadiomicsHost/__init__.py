"""A small stand-in for the Slicer application: PySide6 behaves as PythonQt, everything MRML is real (slicer-core).

It supplies ``qt``, the CTK and qMRML widgets of the panels, ``slicer.app``, ``slicer.mrmlScene``, ``slicer.modules``,
ScriptedLoadableModule, parameterNodeWrapper, packaging and i18n, no more of each than the project's module files and
``slicer.util`` use, so that they run here unchanged. It must never be kinder than Slicer.
"""
