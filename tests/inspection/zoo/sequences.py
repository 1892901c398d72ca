"""Embeddings, attention and recurrent layers as students write them."""

import numpy as np
from zoo_cases import RNG, mistake

import minnet as mn

TOKENS = np.array([[1, 3, 3], [0, 2, 1]])
TEXT = RNG.normal(size=(2, 3, 4))


class Embedding(mn.Layer):
    """y = table[tokens]."""

    def __init__(self):
        self.table = mn.Parameter(np.random.default_rng(0).normal(size=(5, 2)))

    def forward(self, tokens):
        self.cache = tokens
        return self.table.data[tokens]

    def backward(self, dy):
        np.add.at(self.table.grad, self.cache, dy)


@mistake("gradient of table", "np.add.at", "more than once", x=TOKENS)
class LosesRepeatedTokens(Embedding):
    def backward(self, dy):
        self.table.grad[self.cache] += dy


@mistake("adds up", "table.grad", "+=", x=TOKENS)
class SetsTheRows(Embedding):
    def backward(self, dy):
        self.table.grad[...] = 0
        np.add.at(self.table.grad, self.cache, dy)


@mistake("gradient of table", "zero everywhere", x=TOKENS)
class WorksOnACopy(Embedding):
    def backward(self, dy):
        grad = self.table.grad.copy()
        np.add.at(grad, self.cache, dy)


@mistake("gradient of table", "zero everywhere", x=TOKENS)
class AddsToACopyOfRows(Embedding):
    def backward(self, dy):
        rows = self.table.grad[self.cache]
        rows += dy


class Attention(mn.Layer):
    """y = softmax(x x^T / sqrt(d)) x, without weights."""

    def forward(self, x):
        scores = x @ x.transpose(0, 2, 1) / x.shape[2] ** 0.5
        e = np.exp(scores - scores.max(axis=2, keepdims=True))
        a = e / e.sum(axis=2, keepdims=True)
        self.cache = (x, a)
        return a @ x

    def backward(self, dy):
        x, a = self.cache
        da = dy @ x.transpose(0, 2, 1)
        ds = a * (da - (da * a).sum(axis=2, keepdims=True)) / x.shape[2] ** 0.5
        return a.transpose(0, 2, 1) @ dy + ds @ x + ds.transpose(0, 2, 1) @ x


@mistake("gradient of x", "a term is missing", "depends on", x=TEXT)
class ForgetsTheKeys(Attention):
    def backward(self, dy):
        x, a = self.cache
        da = dy @ x.transpose(0, 2, 1)
        ds = a * (da - (da * a).sum(axis=2, keepdims=True)) / x.shape[2] ** 0.5
        return a.transpose(0, 2, 1) @ dy + ds @ x


@mistake("backward", "a.T @ dy", "transpose(0, 2, 1)", x=TEXT)
class TransposesAllAxes(Attention):
    def backward(self, dy):
        _, a = self.cache
        return a.T @ dy


@mistake("gradient of x", x=TEXT)
class ForgetsTheRoot(Attention):
    def backward(self, dy):
        x, a = self.cache
        da = dy @ x.transpose(0, 2, 1)
        ds = a * (da - (da * a).sum(axis=2, keepdims=True))
        return a.transpose(0, 2, 1) @ dy + ds @ x + ds.transpose(0, 2, 1) @ x


class Recurrent(mn.Layer):
    """h[t] = tanh(x[t] + W h[t - 1])."""

    def __init__(self):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(4, 4)) / 2)

    def forward(self, x):
        states = [np.zeros_like(x[:, 0])]
        for t in range(x.shape[1]):
            states.append(np.tanh(x[:, t] + states[-1] @ self.W.data))
        self.cache = states
        return np.stack(states[1:], axis=1)

    def backward(self, dy):
        states, dx = self.cache, np.zeros_like(dy)
        dh = np.zeros_like(dy[:, 0])
        for t in reversed(range(dy.shape[1])):
            dx[:, t] = dz = (dy[:, t] + dh) * (1 - states[t + 1] ** 2)
            self.W.grad += states[t].T @ dz
            dh = dz @ self.W.data.T
        return dx


@mistake("gradient of x", "depends on x[", "a term is missing", x=TEXT)
class ForgetsTheFuture(Recurrent):
    """Goes back one step only."""

    def backward(self, dy):
        states, dx = self.cache, np.zeros_like(dy)
        for t in reversed(range(dy.shape[1])):
            dx[:, t] = dz = dy[:, t] * (1 - states[t + 1] ** 2)
            self.W.grad += states[t].T @ dz
        return dx
