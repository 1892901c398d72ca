"""A step is explained without any trace in the model, the loss and the example."""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet.explaining.explained import explained


def test_one_sample_with_a_label_is_a_batch_of_one():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    alone = explained(model, mn.CrossEntropyLoss(), np.ones(4), 1, None)
    batch = explained(model, mn.CrossEntropyLoss(), np.ones((1, 4)), [1], None)
    assert alone.value == batch.value
    assert explained(model, mn.CrossEntropyLoss(), np.ones(4), [1], None).value == batch.value
    assert alone.samples == batch.samples == 1


def test_a_batch_of_one_may_have_its_label_alone():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    assert explained(model, mn.CrossEntropyLoss(), np.ones((1, 4)), 1, None).samples == 1


def test_a_wrong_shape_is_answered_by_the_layer():
    with pytest.raises(ValueError, match=r"Linear\(4, 3\) expected 4 features in the last axis, got shape \(1, 5\)"):
        explained(mn.Linear(4, 3), mn.SoftmaxCrossEntropyLoss(), np.ones(5), 1, None)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_nothing_changes(mode):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.BatchNorm1d(3), mn.Dropout(0.5, rng=1))
    getattr(model, mode)()
    model[0].weight.grad[...] = 7
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    y = np.zeros((5, 3), np.float32)
    loss = mn.MSELoss()
    before = copy.deepcopy((model, x, y))
    explanation = explained(model, loss, x, y, "layers[0].weight[1, 2]")
    assert explanation.training == (mode == "train")
    assert model.training == model[2].training == (mode == "train")
    assert model.recording == (mode == "train")
    assert not {"_cache", "_plan", "forward", "backward"} & (vars(model).keys() | vars(model[0]).keys())
    assert "_cache" not in vars(loss)
    for (_, now), (_, then) in zip(model.named_arrays(), before[0].named_arrays(), strict=True):
        np.testing.assert_array_equal(now.data, then.data)
        assert now.data.dtype == then.data.dtype
    assert (model[0].weight.grad == 7).all()
    np.testing.assert_array_equal(x, before[1])
    np.testing.assert_array_equal(y, before[2])
    assert model[2].rng.bit_generator.state == before[0][2].rng.bit_generator.state


def test_in_eval_mode_dropout_drops_nothing():
    model = mn.Sequential(mn.Dropout(0.5, rng=0)).eval()
    (step,) = explained(model, mn.MSELoss(), np.ones((2, 3)), np.zeros((2, 3)), None).steps
    np.testing.assert_array_equal(step.outputs[0].values, np.ones((2, 3)))
    np.testing.assert_array_equal(step.inputs[0].gradient, step.outputs[0].gradient)


def test_models_with_several_inputs_and_outputs():
    model = mn.Sequential(
        mn.Inputs(image=mn.Linear(3, 2, rng=0), table=mn.Tanh()),
        mn.Heads(digit=mn.Linear(4, 3, rng=1), angle=mn.Linear(4, 1, rng=2)),
    )
    loss = mn.MultiLoss({"digit": mn.SoftmaxCrossEntropyLoss(), "angle": mn.MSELoss()}, weights={"angle": 0.1})
    x = {"image": np.ones((2, 3)), "table": np.ones((2, 2))}
    y = {"digit": np.array([0, 2]), "angle": np.zeros((2, 1))}
    explanation = explained(model, loss, x, y, 'x["image"][1, 2]')
    assert [quantity.name for quantity in explanation.inputs] == ["image", "table"]
    assert [q.name for q in explanation.loss.inputs if q.gradient is not None] == [
        'prediction["digit"]', 'prediction["angle"]'
    ]  # fmt: skip
    assert explanation.why.total == pytest.approx(explanation.why.gradient, rel=1e-12)
    assert explanation.why.slope == pytest.approx(explanation.why.gradient, rel=1e-5)


def test_an_encoder_and_a_decoder_with_masks():
    model = mn.EncoderDecoder(
        mn.TransformerBlock(4, 2, 3, rng=0), mn.Decoder(mn.TransformerDecoderBlock(4, 2, 3, rng=1))
    )
    rng = np.random.default_rng(0)
    x = {
        "target": rng.normal(size=(2, 2, 4)),
        "source": rng.normal(size=(2, 3, 4)),
        "source_mask": np.array([[1, 1, 0], [1, 1, 1]], bool),
    }
    explanation = explained(model, mn.MSELoss(), x, np.zeros((2, 2, 4)), 'x["source"][0, 1, 2]')
    assert explanation.why.total == pytest.approx(explanation.why.gradient, rel=1e-9)
    assert explanation.why.slope == pytest.approx(explanation.why.gradient, rel=1e-5)
    padded = explained(model, mn.MSELoss(), x, np.zeros((2, 2, 4)), 'x["source"][0, 2, 2]').why
    assert padded.gradient == 0


def test_a_loss_that_is_not_finite_is_the_losses_error():
    with pytest.raises(ValueError, match="NaN"):
        explained(mn.Identity(), mn.MSELoss(), np.full((1, 2), np.nan), np.zeros((1, 2)), None)


def test_layers_run_in_the_order_that_was_written():
    """In training, a Sequential runs MaxPool2d before ReLU."""
    x = np.random.default_rng(0).normal(size=(1, 1, 4, 4))
    model = mn.Sequential(mn.ReLU(), mn.MaxPool2d(2))
    relu, pool = explained(model, mn.MSELoss(), x, np.zeros((1, 1, 2, 2)), None).steps
    np.testing.assert_array_equal(relu.outputs[0].values, np.maximum(x, 0))
    np.testing.assert_array_equal(pool.inputs[0].values, np.maximum(x, 0))
