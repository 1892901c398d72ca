"""The errors that minnet raises beside Python's own ``ValueError`` and ``TypeError``."""


class DataError(ValueError):
    """A data file is not what it claims to be: truncated, corrupt, too large, or hostile."""


class DataNotFoundError(FileNotFoundError):
    """A data set is neither on disk nor to be downloaded; the message says where it was looked for."""


class MissingExtraError(ImportError):
    """An optional package is not installed; the message names the extra that brings it."""
