"""Grading says to a student what an answer lacks, and runs a class of submissions, each in a process of its own."""

from minnet.grading.answers import NotAnswered, WrongAnswer, answered, check
from minnet.grading.functions import check_gradient, check_probabilities
from minnet.grading.layers import check_layer

__all__ = [
    "NotAnswered",
    "WrongAnswer",
    "answered",
    "check",
    "check_gradient",
    "check_layer",
    "check_probabilities",
]
