"""What can go wrong, as the user is told it.

Every message is one sentence or two: what was being looked at, which case, what was found, what to do about it.
Anything else that escapes is a defect of this software and is allowed to look like one.
"""


class MammoRadiomicsError(Exception):
    """Base of everything that a user can remedy; ``str(error)`` is meant to be shown as it is."""


class InputError(MammoRadiomicsError):
    """An image, a mask, a table, a preset or a setting that cannot be used."""


class ModelFileError(MammoRadiomicsError):
    """A model file that is damaged, of another format, or does not reproduce its own reference outputs."""


class DependencyError(MammoRadiomicsError):
    """A Python package that the action needs is missing."""


class Cancelled(MammoRadiomicsError):
    """The user stopped the work; raised from a progress callable."""
