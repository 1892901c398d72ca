"""The errors that minnet raises beside Python's own ``ValueError`` and ``TypeError``."""


class DataError(ValueError):
    """A data file is not what it claims to be: truncated, corrupt, too large, or hostile."""


class DataNotFoundError(FileNotFoundError):
    """A data set is neither on disk nor to be downloaded; the message says where it was looked for."""


class DataWarning(UserWarning):
    """Data can be used as they are, but hardly as they were meant: such as pixels of 0 to 255."""


class MissingExtraError(ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class CheckpointError(ValueError):
    """A file of weights, or a checkpoint, is damaged, hostile, too new, or does not fit what it is loaded into."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, or read; training goes on without it."""


class NonFiniteError(ValueError):
    """A loss, a gradient or a weight is NaN or infinite: training has diverged, or the data are not numbers."""
