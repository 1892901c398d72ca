"""Configurations of a training that n ranks do as one: their names, and what builds each of them.

Each builds the same model, loss and data in every process. See `trainings.py` for what is compared.
"""

from importlib.util import find_spec

import numpy as np
from configured import (
    CLASSES,
    IGNORED,
    INPUTS,
    STEPS,
    TAGS,
    WEIGHTS,
    Configuration,
    N,
    T,
    Times,
    Unused,
    X,
    Y,
    batches,
    by_groups,
    classifies,
    embedded,
    estimates,
    frozen,
    generated,
    gently,
    learned_by_the_loss,
    masked_targets,
    mlp,
    of_bytes,
    of_pictures,
    optimized,
    padded,
    several_heads,
    siamese,
    spoken,
    streamed,
    tied,
    two_optimizers,
    with_callbacks,
    with_infinity,
)

import minnet as mn
from minnet.callbacks import EMA, ClipGradNorm, ClipGradValue, EarlyStopping, LearningRate, MaxNorm, ReduceLROnPlateau

CLASS_WEIGHTS = [1.0, 10.0, 0.5]
EVALUATED = {"test": (X, Y)}
CONFIGURATIONS = {
    "softmax and cross-entropy": classifies,
    "probabilities and cross-entropy": lambda: classifies(
        loss=mn.CrossEntropyLoss(CLASS_WEIGHTS), model=mlp(CLASSES, mn.Softmax())
    ),
    "class weights and ignore_index": lambda: classifies(
        batches(y=IGNORED), mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS, ignore_index=-100)
    ),
    "a rank's part is ignored": lambda: classifies(
        batches(y=IGNORED, shuffle=False), mn.SoftmaxCrossEntropyLoss(ignore_index=-100)
    ),
    "label smoothing with class weights": lambda: classifies(
        loss=mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS, label_smoothing=0.1)
    ),
    "NLLLoss of LogSoftmax": lambda: classifies(loss=mn.NLLLoss(CLASS_WEIGHTS), model=mlp(CLASSES, mn.LogSoftmax())),
    "a whole batch is ignored": lambda: classifies(
        batches(y=np.where(np.arange(N) < 16, -100, Y), shuffle=False), mn.SoftmaxCrossEntropyLoss(ignore_index=-100)
    ),
    "weights of samples": lambda: classifies(batches(sample_weight=WEIGHTS)),
    "weights of a rank's samples are 0": lambda: classifies(batches(sample_weight=WEIGHTS, shuffle=False)),
    "regression": estimates,
    "HuberLoss": lambda: estimates(mn.HuberLoss(0.5)),
    "BCEWithLogitsLoss": lambda: estimates(
        mn.BCEWithLogitsLoss(pos_weight=[2.0, 0.5]), loader=batches(y=(T > 0).astype(float))
    ),
    "MultiLoss": several_heads,
    "MultiLoss, weights per head": lambda: several_heads({"a": WEIGHTS, "b": WEIGHTS[::-1].copy()}),
    "MultiLoss, accumulate=2": lambda: several_heads(options={"accumulate": 2}),
    "CTCLoss": spoken,
    "CosineEmbeddingLoss": lambda: siamese(mn.CosineEmbeddingLoss(0.1), 2, np.where(Y == 0, 1, -1)),
    "TripletMarginLoss": lambda: siamese(mn.TripletMarginLoss(), 3, np.zeros(N)),
    "a loss of one's own, with total_weight": masked_targets,
    "a loss of one's own, with a Parameter": learned_by_the_loss,
    "a layer of one's own": lambda: classifies(model=mlp(middle=[Times(8)])),
    "accumulate=3": lambda: classifies(options={"accumulate": 3}),
    "threads=2": lambda: classifies(options={"threads": 2}),
    "threads=2, accumulate=2, class weights": lambda: classifies(
        loss=mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS), options={"threads": 2, "accumulate": 2}
    ),
    **({"compiled=True": lambda: classifies(options={"compiled": True})} if find_spec("numba") else {}),
    "ClipGradNorm": lambda: with_callbacks(ClipGradNorm(0.5)),
    "ClipGradValue": lambda: with_callbacks(ClipGradValue(0.02)),
    "MaxNorm": lambda: with_callbacks(MaxNorm(1.0)),
    "EMA": lambda: with_callbacks(EMA(0.9)),
    "EarlyStopping": lambda: with_callbacks(EarlyStopping("test_loss", patience=2, min_delta=0.1), EMA(0.9)),
    "ReduceLROnPlateau": lambda: with_callbacks(ReduceLROnPlateau("test_loss", patience=1)),
    "a schedule by steps": lambda: with_callbacks(LearningRate(mn.schedules.OneCycleLR(0.1, STEPS), per="step")),
    "a schedule by epochs": lambda: with_callbacks(LearningRate(mn.schedules.StepLR(5))),
    "clipping, EMA, schedule, accumulate": lambda: with_callbacks(
        ClipGradNorm(0.5), EMA(0.99), LearningRate(mn.schedules.StepLR(9)), options={"accumulate": 2}
    ),
    "NaN guard, skip": lambda: with_infinity("skip"),
    "NaN guard, stop": lambda: with_infinity("stop"),
    "NaN guard, ignore": lambda: classifies(options={"nonfinite": "ignore"}),
    "SGD, nesterov": lambda: optimized(lambda p: mn.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
    "Adam": lambda: optimized(lambda p: mn.Adam(p, lr=0.01)),
    "Adam, amsgrad": lambda: optimized(lambda p: mn.Adam(p, lr=0.01, amsgrad=True)),
    "AdamW, groups with their own decay": lambda: optimized(by_groups),
    "NAdam": lambda: optimized(lambda p: mn.NAdam(p, lr=0.01)),
    "RAdam": lambda: optimized(lambda p: mn.RAdam(p, lr=0.01)),
    "Adamax": lambda: optimized(lambda p: mn.Adamax(p, lr=0.01)),
    "Adadelta": lambda: optimized(lambda p: mn.Adadelta(p, lr=0.5)),
    "Adagrad": lambda: optimized(lambda p: mn.Adagrad(p, lr=0.05)),
    "RMSprop": lambda: optimized(lambda p: mn.RMSprop(p, lr=0.002, momentum=0.5, centered=True)),
    "Lion": lambda: optimized(lambda p: mn.Lion(p, lr=0.001)),
    "Muon and AdamW": lambda: optimized(two_optimizers),
    "LBFGS": lambda: estimates(
        model=mn.Sequential(mn.Linear(INPUTS, 2, rng=0)),
        loader=batches(y=T, size=N),
        optimizer=lambda p: mn.LBFGS(p, max_iter=2, lr=0.01),
    ),
    "LBFGS with a line search, 5 steps": lambda: classifies(
        batches(size=N),
        optimizer=lambda p: mn.LBFGS(p, max_iter=2, line_search_fn="strong_wolfe", weight_decay=0.01),
        fits=({"steps": 5},),
    ),
    "batches in their order": lambda: classifies(batches(shuffle=False)),
    "batches resampled": lambda: classifies(batches(shuffle="resampled")),
    "drop_last": lambda: classifies(batches(drop_last=True)),
    "fewer samples than ranks": lambda: classifies(batches(size=2, drop_last=False)),
    "a generator of batches": generated,
    "batches in blocks": lambda: classifies(batches(shuffle="blocks")),
    "a Stream with a buffer": lambda: streamed(16),
    "a Stream, fewer samples than ranks": lambda: streamed(2),
    "batches that are read ahead": lambda: classifies(mn.data.Prefetch(batches())),
    "a list of batches": lambda: classifies([(X[:20], Y[:20]), (X[20:21], Y[20:21]), (X[21:], Y[21:])]),
    "inputs with names": lambda: Configuration(
        mn.Sequential(mn.Inputs(a=mn.Linear(INPUTS, 4, rng=0), b=mn.Linear(2, 4, rng=1)), mn.Linear(8, 3, rng=2)),
        mn.SoftmaxCrossEntropyLoss(),
        batches({"a": X, "b": T}),
        {"a": X, "b": T},
    ),
    "inputs in a tuple": lambda: Configuration(
        mn.Sequential(mn.Inputs(mn.Linear(INPUTS, 4, rng=0), mn.Linear(2, 4, rng=1)), mn.Linear(8, 3, rng=2)),
        mn.SoftmaxCrossEntropyLoss(),
        batches((X, T)),
        (X, T),
    ),
    "a convolutional network": lambda: of_pictures(mn.ReLU()),
    "images of uint8": of_bytes,
    "sequences, fewer than ranks": lambda: padded(
        embedded(mn.GRU(8, 6, rng=0), mn.PoolTime("mean"), mn.Linear(6, 3, rng=1)), size=2
    ),
    "an LSTM, in buckets": lambda: padded(embedded(mn.LSTM(8, 6, rng=0), mn.PoolTime("mean"), mn.Linear(6, 3, rng=1))),
    "a tagger, padded": lambda: padded(
        embedded(mn.GRU(8, 6, rng=0), mn.Linear(6, 3, rng=1)),
        mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS, ignore_index=-100),
        y=TAGS,
        shuffle=True,
        target_value=-100,
    ),
    "a transformer, padded, weights of samples": lambda: padded(
        embedded(mn.TransformerBlock(8, 2, 12, dropout=0.0, rng=0), mn.PoolTime("mean"), mn.Linear(8, 3, rng=1)),
        weights=WEIGHTS,
        optimizer=gently,
    ),
    "LayerNorm and GroupNorm": lambda: classifies(
        model=mlp(middle=[mn.LayerNorm(8), mn.GroupNorm(2, 8)]), optimizer=gently
    ),
    "batch norm, synchronised": lambda: classifies(model=mlp(middle=[mn.BatchNorm1d(8)]), synchronised=True),
    "batch norm, synchronised, 'mean of all batches', no running statistics": lambda: classifies(
        model=mlp(
            middle=[
                mn.BatchNorm1d(8, momentum=None),
                mn.Tanh(),
                mn.BatchNorm1d(8, affine=False, track_running_stats=False),
            ]
        ),
        synchronised=True,
    ),
    "batch norm of images, synchronised": lambda: of_pictures(mn.BatchNorm2d(4), mn.ReLU(), synchronised=True),
    "batch norm, synchronised, fewer samples than ranks": lambda: classifies(
        batches(size=2), model=mlp(middle=[mn.BatchNorm1d(8, eps=0.1)]), synchronised=True, optimizer=gently
    ),
    "batch norm, synchronised, a rank's part is ignored": lambda: classifies(
        batches(y=IGNORED, shuffle=False),
        mn.SoftmaxCrossEntropyLoss(ignore_index=-100),
        model=mlp(middle=[mn.BatchNorm1d(8)]),
        synchronised=True,
    ),
    "batch norm, synchronised, NaN guard, skip": lambda: with_infinity(
        "skip", model=mlp(middle=[mn.BatchNorm1d(8)]), synchronised=True
    ),
    "tied weights": tied,
    "a frozen layer": frozen,
    "a layer that is not used": lambda: classifies(model=Unused()),
    "epochs, a row every 4 steps": lambda: classifies(fits=({"epochs": 20, "every": 4, "evaluate": EVALUATED},)),
    "two fits, epochs and steps": lambda: classifies(
        callbacks=[EMA(0.9)], fits=({"steps": 10, "every": 3}, {"epochs": 3, "evaluate": EVALUATED}, {"steps": 7})
    ),
    "float32": lambda: classifies(dtype=np.float32, within=1e-5),
    "float32, a convolutional network, batch norm synchronised": lambda: of_pictures(
        mn.BatchNorm2d(4), mn.ReLU(), dtype=np.float32, within=1e-5, synchronised=True
    ),
}
