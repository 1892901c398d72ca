"""Sequences of several lengths, from a list to predictions: padded, masked, in buckets, with weights, and resumed."""

import numpy as np
import pytest

import minnet as mn

N, WORDS, CLASSES = 60, 12, 3
RNG = np.random.default_rng(0)
TEXTS = [RNG.integers(1, WORDS, n) for n in RNG.integers(0, 15, N)]
TEXTS[3] = TEXTS[3][:0]  # without a word
TOPICS = np.array([int(text.sum()) % CLASSES for text in TEXTS])
TAGS = [(text % CLASSES) for text in TEXTS]  # a label for each word
V = RNG.integers(0, 3, N) / 2


def classifier(seed=0):
    return mn.Sequential(
        mn.Embedding(WORDS, 6, rng=seed),
        mn.GRU(6, 8, rng=seed),
        mn.PoolTime("mean"),
        mn.Linear(8, CLASSES, rng=seed),
    ).astype(np.float64)


def tagger():
    return mn.Sequential(mn.Embedding(WORDS, 6, rng=0), mn.LSTM(6, 8, rng=0), mn.Linear(8, CLASSES, rng=0)).astype(
        np.float64
    )


def trainer_of(model, loss=None, **options):
    loss = loss or mn.SoftmaxCrossEntropyLoss()
    return mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=0.02), **options)


def alone(model, text):
    """Return the output for one text, without padding; for a text without a word, too."""
    return model.forward(text[None].astype(int)) if len(text) else model.forward(np.zeros((1, 0), int))


def weights(model):
    return np.concatenate([p.data.ravel() for p in model.parameters()])


def test_a_classifier_learns_and_predicts_each_text_as_if_it_were_alone():
    model = classifier()
    trainer = trainer_of(model)
    loader = mn.DataLoader(TEXTS, TOPICS, 8, shuffle="bucketed", collate=mn.data.Pad(), rng=0)
    test = mn.DataLoader(TEXTS, TOPICS, 16, collate=mn.data.Pad())
    history = trainer.fit(loader, epochs=20, evaluate={"test": test}, progress=False)
    assert history[-1]["test_loss"] < 0.7 * history[0]["test_loss"]
    scores = trainer.predict(TEXTS, collate=mn.data.Pad())
    model.eval()
    np.testing.assert_allclose(scores, np.concatenate([alone(model, text) for text in TEXTS]), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(trainer.predict(TEXTS, collate=mn.data.Pad(), batch_size=7), scores, rtol=1e-12)
    assert history[-1]["test_accuracy"] == np.mean(scores.argmax(axis=1) == TOPICS)
    loss = mn.SoftmaxCrossEntropyLoss().forward(scores, TOPICS)
    assert trainer.evaluate(test)["loss"] == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"threads": 2}])
def test_a_step_on_a_padded_batch_is_that_of_the_texts_alone(options):
    """With weights: Σ v · gradient of each / Σ v, whatever the batch is cut into."""
    model, reference = classifier(), classifier()
    trainer = trainer_of(model, **options)
    loader = mn.DataLoader(TEXTS, TOPICS, N, sample_weight=V, collate=mn.data.Pad())
    trainer.fit(loader, steps=1, progress=False)
    loss, optimizer = mn.SoftmaxCrossEntropyLoss(reduction="sum"), mn.Adam(reference.parameters(), lr=0.02)
    optimizer.zero_grad()
    for text, topic, v in zip(TEXTS, TOPICS, V, strict=True):
        loss.forward(alone(reference, text), [topic])
        reference.accumulate_grad(loss.backward(v / V.sum()))
    optimizer.step()
    # Adam divides by the size of a gradient, so that its rounding counts as much as it does.
    np.testing.assert_allclose(weights(model), weights(reference), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("size", [1, 7, N])
def test_labels_of_words_are_counted_without_the_padding(size):
    model = tagger()
    trainer = trainer_of(model, mn.SoftmaxCrossEntropyLoss(ignore_index=-100))
    pad = mn.data.Pad(target_value=-100)
    some = [n for n, text in enumerate(TEXTS) if len(text)]
    texts, tags = [TEXTS[n] for n in some], [TAGS[n] for n in some]
    if size == 7:
        loader = mn.DataLoader(texts, tags, size, shuffle="bucketed", collate=pad, rng=0)
        trainer.fit(loader, epochs=2, progress=False)
    values = trainer.evaluate(mn.DataLoader(texts, tags, size, collate=pad))
    model.eval()
    scores, labels = np.concatenate([alone(model, text)[0] for text in texts]), np.concatenate(tags)
    assert values["loss"] == pytest.approx(mn.SoftmaxCrossEntropyLoss().forward(scores, labels), rel=1e-12)
    assert values["accuracy"] == np.mean(scores.argmax(axis=1) == labels)


def test_outputs_for_each_word_are_a_list():
    model = tagger()
    outputs = trainer_of(model).predict(TEXTS, collate=mn.data.Pad(), batch_size=8)
    assert isinstance(outputs, list)
    assert [len(output) for output in outputs] == [len(text) for text in TEXTS]
    model.eval()
    for text, output in zip(TEXTS, outputs, strict=True):
        np.testing.assert_allclose(output, alone(model, text)[0], rtol=1e-12, atol=1e-13)


def test_a_model_whose_outputs_have_the_size_of_a_batch_by_chance_is_not_cut():
    """(N, 1, C) behind a pooling, where the longest text has one word."""
    model = mn.Sequential(*classifier().layers, mn.Reshape(1, CLASSES))
    outputs = trainer_of(model).predict([[1], [2]], collate=mn.data.Pad())
    assert outputs.shape == (2, 1, CLASSES)


@pytest.mark.parametrize("shuffle", [True, "bucketed"])
def test_a_run_that_is_resumed_is_the_run_that_was_not_stopped(tmp_path, shuffle):
    def run(steps, checkpoint=None):
        model = classifier()
        trainer = trainer_of(model)
        loader = mn.DataLoader(TEXTS, TOPICS, 8, shuffle, sample_weight=V, collate=mn.data.Pad(), rng=5)
        with np.errstate(all="ignore"):
            trainer.fit(loader, steps=steps, checkpoint=checkpoint, progress=False)
        return weights(model)

    whole = run(19)
    run(11, tmp_path / "runs")
    np.testing.assert_array_equal(run(19, tmp_path / "runs"), whole)


def test_texts_that_are_padded_already_come_with_their_mask():
    (tokens, mask), _ = mn.data.Pad()(TEXTS, TOPICS)
    padded, ragged = classifier(), classifier()
    trainer = trainer_of(padded)
    trainer.fit(mn.DataLoader((tokens, mask), TOPICS, 8), epochs=1, progress=False)
    trainer_of(ragged).fit(mn.DataLoader(TEXTS, TOPICS, 8, collate=mn.data.Pad()), epochs=1, progress=False)
    np.testing.assert_allclose(weights(padded), weights(ragged), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        trainer.predict((tokens, mask)), trainer.predict(TEXTS, collate=mn.data.Pad()), rtol=1e-12, atol=1e-13
    )
    assert trainer.evaluate(((tokens, mask), TOPICS))["accuracy"] == pytest.approx(
        trainer.evaluate(mn.DataLoader(TEXTS, TOPICS, 8, collate=mn.data.Pad()))["accuracy"]
    )


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (
            mn.Sequential(mn.Embedding(WORDS, 4), mn.Linear(4, 2)),
            TypeError,
            "was given a mask, but none of its layers takes one",
        ),
        (
            mn.Sequential(mn.Embedding(WORDS, 4), mn.Flatten(), mn.Linear(4, 2)),
            ValueError,
            r"layers\[1\] = Flatten\(\) cannot be given a mask",
        ),
    ],
)
def test_a_model_that_would_be_wrong_in_silence_is_refused_before_the_first_step(model, error, message):
    before, trainer = weights(model), trainer_of(model)
    with pytest.raises(error, match=message) as caught:
        trainer.fit(mn.DataLoader(TEXTS, TOPICS, 8, collate=mn.data.Pad()), epochs=1, progress=False)
    assert any("in the training data" in note for note in caught.value.__notes__)
    np.testing.assert_array_equal(weights(model), before)
    assert trainer.step == 0


def test_texts_without_a_collate_say_what_is_missing():
    model = classifier()
    for call in (
        lambda: mn.DataLoader(TEXTS, TOPICS),
        lambda: trainer_of(model).predict(TEXTS),
        lambda: trainer_of(model).evaluate((TEXTS, TOPICS)),
    ):
        with pytest.raises(ValueError, match=r"ragged rows make no array; .*collate=mn.data.Pad\(\)"):
            call()


def test_words_as_bytes_are_named():
    texts = [text.astype(np.uint8) for text in TEXTS]
    with pytest.raises(
        TypeError, match=r"Embedding.* expected an array of integers.*a DataLoader turns uint8 into floats"
    ):
        trainer_of(classifier()).fit(mn.DataLoader(texts, TOPICS, 8, collate=mn.data.Pad()), epochs=1, progress=False)


def test_of_several_outputs_those_with_places_are_lists():
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 9, n) for n in rng.permutation(12) + 1]
    tags, whole = mn.Linear(4, 3, rng=2), mn.Sequential(mn.PoolTime(), mn.Linear(4, 24, rng=3), mn.Reshape(8, 3))
    for heads in (mn.Heads(tags=tags, whole=whole), mn.Heads(tags, whole)):  # some texts have 8 places, as whole has
        model = mn.Sequential(mn.Embedding(9, 4, rng=0), mn.Sequential(mn.GRU(4, 4, rng=1), heads))
        losses = [mn.MSELoss(), mn.MSELoss()]
        loss = mn.MultiLoss(losses if heads.keys == [0, 1] else dict(zip(heads.keys, losses, strict=True)))
        trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1))
        for size in (None, 1, 5):
            predicted = trainer.predict(texts, collate=mn.data.Pad(), batch_size=size)
            first, second = predicted.values() if isinstance(predicted, dict) else predicted
            assert [tag.shape for tag in first] == [(len(text), 3) for text in texts]
            assert second.shape == (12, 8, 3)


def test_a_function_of_the_whole_set_cannot_be_given_padded_outputs():
    model = mn.Sequential(mn.Embedding(9, 4, rng=0), mn.GRU(4, 3, rng=1))
    trainer = trainer_of(model, metrics={"mine": lambda prediction, target: 0.0})
    texts = [np.arange(3), np.arange(2)]
    loader = mn.DataLoader(texts, [text % 3 for text in texts], 1, collate=mn.data.Pad(target_value=0))
    with pytest.raises(ValueError, match=r"sequences of several lengths make no array; derive it from") as caught:
        trainer.evaluate(loader)
    assert caught.value.__notes__ == ["in the metric 'mine'"]
