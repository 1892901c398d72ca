"""Layers as ONNX operators: the graph that is built, and one file of entries for each family of layers.

An entry is a function with the decorator `exports`, in the file of the layer's family::

    @exports(LeakyReLU)
    def leaky_relu(graph: Graph, layer: LeakyReLU, x: Value) -> Value:
        return graph.op("LeakyRelu", x, alpha=layer.negative_slope)

It is given the graph, the layer (a copy, in eval mode), and what the layer's `forward` is given, as `Value`: the name
of an array in the graph, with its shape and dtype. It adds operators to the graph, and returns what `forward` returns.
For this there is `minnet.onnx.writing.graph.Graph`: `op` adds an operator (`ops` one with several outputs), `array` a
Parameter or Buffer in another layout, `constant` other numbers, and `layer` exports a layer inside this one.

What onnxruntime computes in float32 only is in the list `SINGLE` there. A new file of entries is imported in
`minnet/onnx/exporting.py`. An operator that is not in opset 18 needs a formula for the older ones: see `gelu`. The test
`tests/onnx/test_every_layer.py` tries each layer of `tests/saving/test_models.py` by itself.
"""
