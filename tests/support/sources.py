"""Sources of samples that several tests read."""

import numpy as np

N = 60
X, Y = np.arange(2.0 * N).reshape(N, 2), np.arange(N)


class Rows:
    """A source that knows its place, and goes on from it in the next pass."""

    def __init__(self, size=1, samples=N):
        self.size, self.samples, self.row, self.begin = size, samples, 0, 0

    def __iter__(self):
        self.row, self.begin = self.begin, 0
        while self.row < self.samples:
            start, self.row = self.row, min(self.row + self.size, self.samples)
            rows = start % N if self.size == 1 else slice(start, self.row)
            yield X[rows], Y[rows]
        self.row = 0

    def state_dict(self):
        return {"row": self.row}

    def load_state_dict(self, state):
        self.row = self.begin = state["row"]
