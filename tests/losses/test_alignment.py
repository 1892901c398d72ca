"""Alignments: their states and posteriors. The sums are compared with a list of all alignments in test_ctc."""

import numpy as np
import pytest

from minnet.losses.alignment import Alignments


def uniform(time, classes=3, samples=1):
    return np.full((samples, time, classes), -np.log(classes))


@pytest.mark.parametrize(("time", "count"), [(1, 0), (2, 1), (3, 5), (4, 15)])
def test_the_number_of_alignments_of_two_letters(time, count):
    """Of 3 frames: 12_, 1_2, _12, 112 and 122."""
    aligned = Alignments(uniform(time), np.array([[1, 2]]), np.array([time]), np.array([2]), 0)
    assert np.exp(aligned.log_likelihood[0]) * 3**time == pytest.approx(count, abs=1e-12)


@pytest.mark.parametrize(("time", "count"), [(2, 0), (3, 1), (4, 5)])
def test_between_equal_letters_is_a_blank(time, count):
    aligned = Alignments(uniform(time), np.array([[1, 1]]), np.array([time]), np.array([2]), 0)
    assert np.exp(aligned.log_likelihood[0]) * 3**time == pytest.approx(count, abs=1e-12)


def test_posteriors_of_three_frames():
    aligned = Alignments(uniform(3), np.array([[1, 2]]), np.array([3]), np.array([2]), 0)
    expected = np.array([[1, 4, 0], [1, 2, 2], [1, 0, 4]]) / 5
    np.testing.assert_allclose(aligned.posteriors()[0], expected, atol=1e-15)


def test_a_shorter_sequence_is_as_if_alone():
    random = np.random.default_rng(0)
    log_p = np.log(random.dirichlet(np.ones(4), (2, 7)))
    labels, frames, lengths = np.array([[1, 2, 3], [2, 9, 9]]), np.array([7, 4]), np.array([3, 1])
    labels[1, 1:] = 3  # behind the end
    both = Alignments(log_p, labels, frames, lengths, 0)
    alone = Alignments(log_p[1:, :4], labels[1:, :1], frames[1:], lengths[1:], 0)
    assert both.log_likelihood[1] == pytest.approx(alone.log_likelihood[0], rel=1e-15)
    np.testing.assert_allclose(both.posteriors()[1, :4], alone.posteriors()[0], rtol=1e-13)
    assert not both.posteriors()[1, 4:].any()
