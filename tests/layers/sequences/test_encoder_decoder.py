"""Decoder hands a memory to its layers; EncoderDecoder makes it: together they turn one sequence into another."""

import copy

import numpy as np
import pytest
from helpers import normal_numbers

import minnet as mn
from minnet import Decoder, EncoderDecoder, LayerNorm, Linear, Sequential, TransformerBlock, TransformerDecoderBlock
from minnet.inspection.gradcheck import check_layer

floats = normal_numbers(np.random.default_rng(0), dtype=np.float64)
START, WORDS, LONGEST = 1, 9, 6  # 0 is the padding


def block(seed=0, **options):
    return TransformerDecoderBlock(4, 2, 6, 0.0, rng=seed, **options)


def decoder():
    return Decoder(block(0), Linear(4, 4, rng=1), block(2), LayerNorm(4)).astype(np.float64)


# -- Decoder


def test_every_block_is_given_the_memory():
    one, x, memory, dy = decoder(), floats(2, 3, 4), floats(2, 5, 4), floats(2, 3, 4)
    first, linear, second, norm = copy.deepcopy(one).layers
    y = norm.forward(second.forward(linear.forward(first.forward(x, memory)), memory))
    np.testing.assert_array_equal(one.forward(x, memory), y)
    d_second, d_memory = second.backward(norm.backward(dy))
    dx, more = first.backward(linear.backward(d_second))
    for ours, by_hand in zip(one.backward(dy), (dx, d_memory + more), strict=True):
        np.testing.assert_array_equal(ours, by_hand)


def test_gradients_and_promises():
    masks = [np.array([[1, 1, 0], [1, 0, 0]], bool), np.array([[1, 0], [1, 1]], bool)]
    one = Decoder(*(TransformerDecoderBlock(2, 1, 2, 0.3, bias=False, rng=seed) for seed in range(2)), LayerNorm(2))
    assert "every requirement met" in check_layer(one, floats(2, 3, 2), floats(2, 2, 2), *masks)


def test_the_masks_reach_the_blocks():
    model, x, memory = decoder().eval(), floats(2, 5, 4), floats(2, 6, 4)
    y = model.forward(x, memory, np.arange(5) < [[3], [3]], np.arange(6) < [[2], [2]])
    np.testing.assert_allclose(y[:, :3], model.forward(x[:, :3], memory[:, :2]))


def test_a_decoder_without_a_use_for_the_memory_is_refused():
    with pytest.raises(
        ValueError, match=r"Decoder needs a layer that takes a memory.*without a memory is a Sequential"
    ):
        Decoder(Linear(2, 2))
    with pytest.raises(ValueError, match="Decoder needs at least one layer"):
        Decoder()


def test_errors_say_where():
    with pytest.raises(ValueError, match="expected") as caught:
        decoder().forward(floats(2, 3, 4), floats(2, 5, 3))
    assert caught.value.__notes__ == [
        "in Decoder.layers[0] = TransformerDecoderBlock(4, 2, 6, causal=True, norm_first=True, layer_norm_eps=1e-05, "
        "bias=True), input shape (2, 3, 4)"
    ]
    model = decoder()
    model.forward(floats(2, 3, 4), floats(2, 5, 4))
    with pytest.raises(ValueError, match="expected") as caught:
        model.backward(floats(2, 3, 5))
    assert "in Decoder.layers[3] = LayerNorm" in caught.value.__notes__[-1]


def test_a_layer_of_ones_own_takes_the_memory():
    """y_t = x_t + the mean of the memory."""

    class AddMean(mn.Layer):
        takes_memory = True

        def forward(self, x, memory, mask=None, memory_mask=None):
            self.cache = memory.shape
            return x + memory.mean(axis=1, keepdims=True)

        def backward(self, dy):
            _, steps, _ = self.cache
            return dy, np.repeat(dy.sum(axis=1, keepdims=True) / steps, steps, axis=1)

    model = Decoder(Linear(4, 4, rng=0), AddMean(), mn.Tanh())
    assert check_layer(model, floats(2, 3, 4), floats(2, 5, 4)[:, :3])


# -- EncoderDecoder


def test_the_memory_is_what_the_encoder_returns():
    model = EncoderDecoder(Sequential(TransformerBlock(4, 2, 5, 0.0, rng=0), LayerNorm(4)), decoder()).astype(
        np.float64
    )
    source, target, dy = floats(2, 3, 4), floats(2, 5, 4), floats(2, 5, 4)
    parts = copy.deepcopy(model)
    y = parts.decoder.forward(target, parts.encoder.forward(source))
    np.testing.assert_array_equal(model.forward(source, target), y)
    d_target, d_memory = parts.decoder.backward(dy)
    d_source, same_d_target = model.backward(dy)
    np.testing.assert_array_equal(d_source, parts.encoder.backward(d_memory))
    np.testing.assert_array_equal(same_d_target, d_target)


def test_gradients_and_promises_of_both():
    encoder = Sequential(TransformerBlock(2, 1, 1, bias=False, rng=0), LayerNorm(2))
    model = EncoderDecoder(encoder, Decoder(TransformerDecoderBlock(2, 1, 1, bias=False, rng=1), mn.Tanh()))
    assert "every requirement met" in check_layer(model, floats(2, 3, 2), floats(2, 2, 2))


def test_a_recurrent_encoder_and_masks():
    """Padding of the source and of the target changes nothing at real places."""
    model = EncoderDecoder(mn.GRU(4, 2, bidirectional=True, rng=0), decoder()).astype(np.float64).eval()
    source, target = floats(2, 5, 4), floats(2, 6, 4)
    y = model.forward(source, target, np.arange(5) < [[3], [3]], np.arange(6) < [[4], [4]])
    np.testing.assert_allclose(y[:, :4], model.forward(source[:, :3], target[:, :4]))


def test_what_is_no_decoder_is_refused():
    with pytest.raises(ValueError, match=r"needs a decoder that takes a memory, got Linear\(2, 2\)"):
        EncoderDecoder(Linear(2, 2), Linear(2, 2))
    with pytest.raises(TypeError, match="expected the encoder to be a layer, got a list of 1"):
        EncoderDecoder([Linear(2, 2)], decoder())


# -- a model that reverses words


def words(seed, number):
    """Return sources of several lengths, padded with 0, the targets moved by one, and the targets: reversed sources."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, LONGEST + 1, number)
    mask = np.arange(LONGEST) < lengths[:, None]
    source = np.where(mask, rng.integers(2, WORDS, (number, LONGEST)), 0)
    target = np.zeros_like(source)
    for n, length in enumerate(lengths):
        target[n, :length] = source[n, :length][::-1]
    return source, np.concatenate([np.full((number, 1), START), target[:, :-1]], axis=1), mask, target


def translator():
    D = 16
    return EncoderDecoder(
        Sequential(
            mn.Embedding(WORDS, D, rng=0), mn.LearnedPosition(LONGEST, D, rng=1), TransformerBlock(D, 2, 32, 0, rng=2)
        ),
        Decoder(
            mn.Embedding(WORDS, D, rng=3),
            mn.LearnedPosition(LONGEST, D, rng=4),
            TransformerDecoderBlock(D, 2, 32, 0, rng=5),
            LayerNorm(D),
            Linear(D, WORDS, rng=6),
        ),
    )


def greedy(model, source, mask):
    """Return the targets that the model makes word by word."""
    memory = model.encoder.forward(source, mask=mask)
    words = np.full((len(source), 1), START)
    for _ in range(LONGEST):
        scores = model.decoder.forward(words, memory, memory_mask=mask)
        words = np.concatenate([words, scores[:, -1:].argmax(axis=-1)], axis=1)
    return words[:, 1:]


def test_a_trainer_trains_it_to_reverse_words(tmp_path):
    source, given, mask, target = words(0, 600)
    X = {"source": source, "target": given, "source_mask": mask}
    loss = mn.SoftmaxCrossEntropyLoss(ignore_index=0)
    model = translator()
    trainer = mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=1e-2))
    test_source, test_given, test_mask, test_target = words(1, 100)
    test = ({"source": test_source, "target": test_given, "source_mask": test_mask}, test_target)
    loader = mn.DataLoader(X, target, 32, shuffle=True, rng=0)
    history = trainer.fit(loader, epochs=15, evaluate={"test": test}, progress=False)
    assert history[-1]["test_accuracy"] > 0.85
    assert trainer.predict(test[0]).shape == (100, LONGEST, WORDS)
    made = greedy(model.eval(), test_source, test_mask)
    assert (made == test_target)[test_mask].mean() > 0.8
    mn.save(model, tmp_path / "model.safetensors")
    loaded = mn.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(greedy(loaded, test_source, test_mask), made)


@pytest.mark.parametrize("options", [{"accumulate": 3}, {"threads": 2}])
def test_a_step_in_parts_is_the_step(options):
    source, given, _, target = words(0, 30)
    weights = []
    for chosen in ({}, options):
        model = translator().astype(np.float64)
        trainer = mn.Trainer(
            model, mn.SoftmaxCrossEntropyLoss(ignore_index=0), mn.SGD(model.parameters(), 0.1), **chosen
        )
        trainer.fit(mn.DataLoader((source, given), target, 30), epochs=1, progress=False)
        weights.append(np.concatenate([p.data.ravel() for p in model.parameters()]))
    np.testing.assert_allclose(*weights, rtol=1e-9, atol=1e-12)
