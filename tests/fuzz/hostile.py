"""Changes of a checkpoint that are made to hurt: to take memory or time, to reach what is no data, to mislead."""

from collections.abc import Callable
from typing import Any

import numpy as np
from crafted import Change, Good
from victim import PARAMETERS

EVIL = "\x1b[31m\u202e\r\x00"  # red, from right to left, over what stood there


def _with(path: str, value: Any) -> Callable[[Any], Any]:
    """Return a change of the JSON at one place."""

    def change(tree: Any) -> Any:
        *parents, last = path.split("/")
        parent = tree
        for key in parents:
            parent = parent[int(key) if isinstance(parent, list) else key]
        parent[int(last) if isinstance(parent, list) else last] = value
        return tree

    return change


def hostile(good: Good) -> dict[str, Change]:
    """Return the changes that are made to hurt: each must be refused, and take no more than the file's size."""
    order, rows = good.state["run"]["batches"]["order"], len(good.state["history"]["step"][1])
    some = good.weights["layers[0].weight"]
    one = {"$tuple": [None, {"$tensor": "state/history/loss/1"}]}
    counter = "callbacks/6/1"
    changes = {
        "a column without end": Change("history/loss", (None, np.zeros((2**40, 0)))),
        "a column without end, of int64": Change("history/step", (None, np.zeros((2**40, 0), np.int64))),
        "a mask without end": Change("history/loss", (np.zeros((2**40, 0), bool), np.zeros(rows))),
        "a column of rows": Change("history/loss", (None, np.zeros((rows, 100)))),
        "a column of one number": Change("history/loss", (None, np.array(1.0))),
        "a long column of bytes": Change("history/loss", (None, np.zeros(4_000_000, np.uint8))),
        "a history of bytes": Change("history", {"loss": (None, np.zeros(4_000_000, np.uint8))}),
        "a history of None": Change("history", {"loss": (None, [None] * 1_000_000)}),
        "a mask that is shorter": Change("history/loss", (np.ones(rows - 1, bool), np.zeros(rows))),
        "a mask of floats": Change("history/loss", (np.ones(rows), np.zeros(rows))),
        "a mask alone": Change("history/loss", (np.ones(rows, bool), None)),
        "a longer column": Change("history/loss", (None, np.zeros(rows + 1))),
        "5,000 columns of one array": Change(text=_with("history", {f"c{i}": one for i in range(5000)})),
        "an array named twice": Change(text=_with("history/loss/$tuple/1", {"$tensor": "state/history/lr/1"})),
        "weights as a column": Change(text=_with("history/loss/$tuple/1", {"$tensor": "layers[0].bias"})),
        "arrays that nothing names": Change(weights=good.weights | {"state/more": np.zeros(3)}),
        "an order that repeats itself": Change("run/batches/order", np.zeros_like(order)),
        "an order that is shorter": Change("run/batches/order", order[:-1]),
        "a negative order": Change("run/batches/order", order - 40),
        "an order of floats": Change("run/batches/order", order.astype(float)),
        "an order of orders": Change("run/batches/order", order[None]),
        "an order of bytes": Change("run/batches/order", order.astype(np.uint8)),
        "another place in the epoch": Change("run/batches/done", 4),
        "no place in the epoch": Change("run/batches", None),
        "a place without an epoch": Change("run/under_way", False),
        "another bit generator": Change("loader/attributes/rng", np.random.Generator(np.random.Philox(1))),
        "another bit generator of a layer": Change("model/layers[3]/rng", np.random.Generator(np.random.SFC64(1))),
        "a Generator for a number": Change("model/layers[3]/p", np.random.default_rng(1)),
        "weights of another dtype": Change(weights=good.weights | {"layers[0].weight": some.astype(np.float64)}),
        "weights of another shape": Change(weights=good.weights | {"layers[0].weight": some.T.copy()}),
        "weights without size": Change(weights=good.weights | {"layers[0].weight": np.zeros((2**40, 0), np.float32)}),
        "weights of one number": Change(weights=good.weights | {"layers[0].weight": np.float32(1)[()]}),
        "missing weights": Change(weights={k: v for k, v in good.weights.items() if k != "layers[0].weight"}),
        "more weights": Change(weights=good.weights | {f"{EVIL}{i}": np.zeros(1) for i in range(20_000)}),
        "an essay as a model": Change(weights={}, metadata={"structure": f"{EVIL}\n" * 100_000}),
        "one line as a model": Change(weights={}, metadata={"structure": EVIL * 100_000}),
        "no state": Change(metadata={"state": ""}),
        "JSON that is none": Change(metadata={"state": f"{{{EVIL}"}),
        "deep JSON": Change(metadata={"state": "[" * 200_000}),
        "a state that is a list": Change(metadata={"state": "[]"}),
        "a key twice": Change(metadata={"state": '{"run": 1, "run": {}}'}),
        "a tag that is none": Change(text=_with("trainer/step", {f"${EVIL}": 1})),
        "a long name": Change("model/layers[2]", {**good.state["model"]["layers[2]"], EVIL * 10_000: 1}),
        "a path for a CSVLogger": Change("callbacks/7/1", {**good.state["callbacks"][7][1], "path": "/tmp/elsewhere"}),
        "a path for nothing": Change(f"{counter}/sink", "../elsewhere"),
        "another name of a file": Change(f"{counter}/out_file", "elsewhere.txt"),
        "a path for a label": Change(f"{counter}/label", "~/elsewhere"),
    }
    for name in ("weight", "forward", "cache", "_cache", "_plan", "__class__", "__dict__", "parameters", "a b"):
        changes[f"{name} of a layer"] = Change("model/layers[2]", {**good.state["model"]["layers[2]"], name: 5})
    for name in ("own", "on_step_end", "state_dict", "__init__", "every_step", "up/down", "../up"):
        changes[f"{name} of a callback"] = Change(counter, {**good.state["callbacks"][6][1], name: 5})
    for name in ("X", "transform", "more"):
        loader = good.state["loader"]["attributes"]
        changes[f"{name} of the loader"] = Change("loader/attributes", {**loader, name: np.zeros((40, 4))})
    for name in ("layers", "weight", "more"):
        changes[f"{name} of the model"] = Change("model/", {**good.state["model"][""], name: 5})
        changes[f"{name} of Linear"] = Change("model/layers[0]", {**good.state["model"]["layers[0]"], name: 5})
    for name, values in {
        "run/in_epoch": (10**15, 2**63, 6, -1, 1.0),
        "run/first_step": (8, 2**62, -1, "7"),
        "run/first_epoch": (5, -1),
        "run/row_at": (8, -2),
        "run/skipped": (-1, 8),
        "run/samples": (-1, 2**62),
        "run/seconds": (-1.0, float("inf"), float("nan"), 5),
        "run/loss_sum": ("x", None, 1),
        "run/best": ("x", [1.0], np.zeros(3), ["a", "b", 1.0], ["a", "min", None]),
        "run/settings/every": (3, None),
        "trainer/epoch": (-(2**70), 2**62, -1, 1.5, True),
        "trainer/step": (-1, 2**62, 2**70, 7.0, "7", None),
        "trainer/stopped": (1, "no"),
        "optimizer/groups/0/lr": (float("nan"), -1.0, False, float("inf"), "0.1", None, [0.1], True),
        "optimizer/groups/0/betas": ((0.9,), (0.9, 1.0), (0.9, "x"), 0.9, [0.9, 0.999]),
        "optimizer/groups/0/eps": (-1e-8, float("nan"), None),
        "optimizer/groups/0/weight_decay": (-1.0, "x"),
        "optimizer/groups/0/decay_biases": (1, None),
        "optimizer/groups/0/params": (3, -1, "12"),
        "optimizer/groups": ([], {}, [{}]),
        "optimizer/attributes/state/step": ([], [7], 7, [2**62] * PARAMETERS, [-1] * PARAMETERS, [7.0] * PARAMETERS),
        "optimizer/attributes/state/mean": (
            [None],
            [0.5] * PARAMETERS,
            [np.zeros(3)] * PARAMETERS,
            [np.zeros((4, 5))] * PARAMETERS,
        ),
        "optimizer/attributes/_scratch": ({"first": 5}, None, []),
        "callbacks/0/1/average": ([np.zeros(3, np.float32)], [None] * PARAMETERS),
        "callbacks/1/1/_weights": ([np.zeros(3, np.float32)], [1.0], [None]),
        "callbacks/1/1/best": ("x", [1.0], True, np.zeros(3)),
        "callbacks/1/1/_mode": ("x", None, 1),
        "callbacks/2/1/base_lrs": ([], [0.1, 0.1], [float("nan")], [-1.0], ["x"], None),
        "optimizer/attributes/_default": (1, -1, 0.0),
        "optimizer/attributes/_scheduled": ([], [(0.1, float("nan"))], [(0.1,)], [(-1.0, 0.1)], [None]),
        "callbacks/1/1/best_step": (-1, 1.0, None),
        "callbacks/1/1/patience": (6, None),
        "callbacks/5/1/max_norm": (float("inf"), -1.0, "x"),
        "callbacks/7/1/size": (-1, 1.5),
        "callbacks/7/1/columns": ([1], None, "step"),
        "model/layers[0]/in_features": (5, None),
        "model/layers[1]/affine": (False,),
        "model/layers[3]/p": (1.5, -1.0, float("nan")),
        "loss//weight": (np.ones(3) * 3, np.ones(2), None),
        "loss//reduction": ("sum", None),
        "loader/attributes/batch_size": (1, -1),
        "loader/attributes/scale": (2.0, None),
        "sets/test/attributes/rng": (None, 5),
        "loader/samples": ([40], None),
        "loader/objects": ([], None),
        "objects/callbacks[6].own": ({}, {"data": np.zeros(2), "trainable": True}, {"data": 5, "trainable": True}, 5),
        "objects": (None, [], {1: {}}, {"model.layers[0].weight": {"data": 5}}),
        "attributes": ([], {"threads": 2}, {"compiled": True}, {"history": 5}, {"fit": 5}, {"state": None}),
        "frozen": (5, [1], {"layers[0].weight": 5}),
        "beginning": ([], {}),
        "beginning/changed": (5, [5], [[]]),
        "beginning/others": ({"model": ["a"]}, {"model": {"a": []}}),
        "beginning/given": ([], {"model": 5}, {1: {}}),
        "run/began": (5, {"samples": [40, 4], "attributes": {}, "objects": {}}),
    }.items():
        changes |= {f"{name} = {str(value)[:40]}": Change(name, value) for value in values}
    return changes
