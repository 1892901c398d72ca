"""Who may work with a Trainer at the same time."""

import copy
import pickle
import threading

import pytest

from minnet.training.access import Access


def elsewhere(call):
    """Call a function in another thread; return what it raised, or None."""
    raised = []

    def work():
        try:
            call()
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def fit(access, model=None):
    with access.fit(model or access):
        pass


def evaluate(access, model=None):
    with access.evaluation("evaluate", model or access):
        pass


def test_one_fit_at_a_time():
    access = Access()
    with access.fit(access):
        with pytest.raises(RuntimeError, match="fit was called inside a fit of the same Trainer"):
            fit(access)
        with pytest.raises(RuntimeError, match="inside a fit"):  # the refusal has changed nothing
            fit(access)
        assert elsewhere(lambda: fit(access)).startswith("fit was called while another thread is in a fit of the same")
        fit(Access())
        assert elsewhere(lambda: fit(Access())) is None
    fit(access)
    assert elsewhere(lambda: fit(access)) is None


def test_during_a_fit_only_its_thread_evaluates():
    access = Access()
    with access.fit(access):
        with access.evaluation("predict", access):
            evaluate(access)
            assert elsewhere(lambda: evaluate(access)).startswith(
                "evaluate was called while another thread is in a fit"
            )
        assert elsewhere(lambda: evaluate(Access())) is None
    assert elsewhere(lambda: evaluate(access)) is None


def test_several_threads_evaluate_and_none_may_begin_a_fit_meanwhile():
    access = Access()
    with access.evaluation("evaluate", access):
        assert elsewhere(lambda: evaluate(access)) is None
        assert "while the same Trainer evaluates or predicts" in elsewhere(lambda: fit(access))
        with pytest.raises(RuntimeError, match="evaluates or predicts: wait"):
            fit(access)
    fit(access)


def test_it_ends_with_an_error_too():
    access = Access()
    with pytest.raises(ZeroDivisionError), access.fit(access):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), access.evaluation("evaluate", access):
        raise ZeroDivisionError
    fit(access)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda access: pickle.loads(pickle.dumps(access))])
def test_nobody_works_with_a_copy(copied):
    access = Access()
    with access.fit(access), access.evaluation("evaluate", access):
        fit(copied(access))


def test_no_other_thread_works_with_the_model_by_another_trainer():
    """Two fits of one model in two threads mixed their steps, in silence."""
    model, one, other = object(), Access(), Access()
    message = "was called while another Trainer is in a fit of the same model, in another thread: wait"
    with one.fit(model):
        assert elsewhere(lambda: fit(other, model)).startswith(f"fit {message}")
        fit(other, model)  # of a callback
        evaluate(other, model)
        assert elsewhere(lambda: evaluate(other, model)).startswith(f"evaluate {message}")
        assert elsewhere(lambda: fit(other, object())) is None
    assert elsewhere(lambda: fit(other, model)) is None
    assert not Access._trained
