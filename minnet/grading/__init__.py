"""Grading tells a student what is wrong with an answer, and grades a class of files, each in a process of its own."""

from minnet.grading.answers import NotAnswered, WrongAnswer, answered, check
from minnet.grading.functions import check_gradient, check_probabilities
from minnet.grading.layers import check_layer, score_layer
from minnet.grading.results import Answer, Check, Result
from minnet.grading.run import grade_file

__all__ = [
    "Answer",
    "Check",
    "NotAnswered",
    "Result",
    "WrongAnswer",
    "answered",
    "check",
    "check_gradient",
    "check_layer",
    "check_probabilities",
    "grade_file",
    "score_layer",
]
