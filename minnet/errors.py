"""The errors and warnings of minnet. Wrong arguments raise Python's own ``ValueError`` and ``TypeError``."""

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "DataError",
    "DataNotFoundError",
    "DataWarning",
    "MissingExtraError",
    "NonFiniteError",
    "RankError",
    "TrainingWarning",
]


class DataError(ValueError):
    """A data file is truncated, corrupt, too large, malicious, or of another kind than expected."""


class DataNotFoundError(FileNotFoundError):
    """A data set is not on disk and could not be downloaded; the message lists the places that were searched."""


class DataWarning(UserWarning):
    """Data can be used but are probably not what was meant, such as pixels from 0 to 255 instead of 0 to 1."""


class MissingExtraError(ImportError):
    """An optional package is not installed; the message names the extra that installs it."""


class CheckpointError(ValueError):
    """A file of weights or a checkpoint is damaged, malicious, too new, or does not fit what it is loaded into."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written or read; training goes on without it."""


class TrainingWarning(UserWarning):
    """Training can go on, but probably not as was meant, such as with Parameters that no optimizer holds."""


class NonFiniteError(ValueError):
    """A loss, a gradient or a weight is NaN or infinity: training diverged, or the data hold such numbers."""


class RankError(RuntimeError):
    """Another process of the job failed, so this one cannot go on; the message names it, and says what it met."""
