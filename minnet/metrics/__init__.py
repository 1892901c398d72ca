"""Metrics say how good predictions are, for people to read; they have no gradient.

Each is a class with options, and ready-made under a name in lower case: ``mn.metrics.f1`` is ``mn.metrics.F1()``. Call
it with all predictions and targets of a set, or `update` it batch by batch; the value is the same. A `Trainer` does
the latter: ``Trainer(..., metrics={"f1": mn.metrics.F1("macro")})``.
"""

from minnet.metrics.accuracies import Accuracy, TopKAccuracy
from minnet.metrics.base import Metric
from minnet.metrics.confusion import F1, ConfusionMatrix, Precision, Recall
from minnet.metrics.heads import Of
from minnet.metrics.probabilities import LogLoss
from minnet.metrics.ranking import ROCAUC, AveragePrecision
from minnet.metrics.regression import MAE, R2, RMSE
from minnet.metrics.running import RunningAccuracy

accuracy = Accuracy()
top_k_accuracy = TopKAccuracy()
precision, recall, f1 = Precision(), Recall(), F1()
confusion_matrix = ConfusionMatrix()
roc_auc = ROCAUC()
average_precision = AveragePrecision()
log_loss = LogLoss()
mae, rmse, r2 = MAE(), RMSE(), R2()

__all__ = [
    "F1",
    "MAE",
    "R2",
    "RMSE",
    "ROCAUC",
    "Accuracy",
    "AveragePrecision",
    "ConfusionMatrix",
    "LogLoss",
    "Metric",
    "Of",
    "Precision",
    "Recall",
    "RunningAccuracy",
    "TopKAccuracy",
    "accuracy",
    "average_precision",
    "confusion_matrix",
    "f1",
    "log_loss",
    "mae",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_k_accuracy",
]
