"""Networks as scikit-learn's estimators: `Classifier` and `Regressor`, for pipelines, searches and cross-validation.

``mn.sklearn`` needs the extra "sklearn", scikit-learn 1.6 or newer, and is imported when it is first used.
"""

import sys

from minnet.core import names
from minnet.core.extras import require
from minnet.errors import MissingExtraError

_found = require("sklearn", "sklearn").__version__
if tuple(map(int, _found.split(".")[:2])) < (1, 6):  # the first with tags as dataclasses, and validate_data
    raise MissingExtraError(
        f"minnet.sklearn needs scikit-learn 1.6 or newer, found {_found}: pip install -U scikit-learn"
    )

from minnet.sklearn.classifier import Classifier as Classifier  # noqa: E402
from minnet.sklearn.regressor import Regressor as Regressor  # noqa: E402

__all__ = ["Classifier", "Regressor"]
names.offer({"mn.sklearn": sys.modules[__name__]})
