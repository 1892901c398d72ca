"""A LossValue is what ``loss(prediction, target)`` returns: a float, which says where its backward is."""

from minnet.core.words import OF_LOSS_VALUES, answer, without_words


class LossValue(float):
    """The loss of a batch. It is a number of Python's; PyTorch's words for it are answered with what to write.

    Examples
    --------
    >>> value = LossValue(0.5)
    >>> value
    0.5
    >>> value.backward()
    Traceback (most recent call last):
    AttributeError: LossValue has no attribute 'backward': the loss has it, write model.backward(loss.backward())
    """

    def __dir__(self) -> list[str]:
        return without_words(self, super().__dir__())


answer(LossValue, OF_LOSS_VALUES)
