"""Graphs for bench/: 300 MB of convolutions, and chains of many small nodes."""
import pathlib

import numpy as np
import tensorflow as tf

_LAYERS, _CHANNELS = 32, 512  # 32 kernels of 3*3*512*512 floats: 302 MB


def make(flavour, folder, about):
    folder = pathlib.Path(folder)
    if flavour == "conv300mb_saved":
        _conv_saved(folder / "model")
        about.update(inputs=["image"], outputs=["features"])
    elif flavour == "conv300mb_frozen":
        about["source"] = "model.pb"
        _cut(about, "image", "features", f"1,16,16,{_CHANNELS}")
        _conv_frozen(folder / "model.pb")
    else:
        about["source"] = "model.pb"
        _cut(about, "in", "out", "1,4,4,4")
        (folder / "model.pb").write_bytes(_chain(int(flavour.split("-")[1])).SerializeToString())


def _cut(about, source, target, shape):
    about.update(inputs=[source], outputs=[target], input_arrays=[source], output_arrays=[target],
                 input_shapes=[shape])


def _kernel(layer):
    values = np.random.default_rng(layer).standard_normal((3, 3, _CHANNELS, _CHANNELS), np.float32)
    return values * np.float32(0.02)


def _stack(x, kernels):
    for kernel in kernels:
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))
    return x


def _conv_saved(path):
    class Stack(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernels = [tf.Variable(_kernel(i)) for i in range(_LAYERS)]

        @tf.function(input_signature=[tf.TensorSpec([1, 16, 16, _CHANNELS], name="image")])
        def run(self, image):
            return {"features": _stack(image, self.kernels)}

    stack = Stack()
    tf.saved_model.save(stack, str(path), signatures={"serving_default": stack.run})


def _conv_frozen(path):
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, [1, 16, 16, _CHANNELS], name="image")
        tf.identity(_stack(image, map(_kernel, range(_LAYERS))), name="features")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def _chain(nodes):
    """About `nodes` nodes: blocks of six, a residual 1x1 convolution with a bias and ReLU6, weights its own.

    The nodes are written as protobufs: TensorFlow takes minutes to build a graph of this length.
    """
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 1087
    float32 = tf.float32.as_datatype_enum
    rng = np.random.default_rng(0)

    def node(name, op, *operands):
        made = graph.node.add(name=name, op=op, input=operands)
        made.attr["dtype" if op in ("Const", "Placeholder") else "T"].type = float32
        return made

    def constant(name, shape):
        values = (rng.standard_normal(shape) * 0.3).astype(np.float32)
        node(name, "Const").attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))

    node("in", "Placeholder").attr["shape"].shape.CopyFrom(tf.TensorShape([1, 4, 4, 4]).as_proto())
    x = "in"
    for i in range((nodes - 2) // 6):
        constant(f"b{i}/kernel", (1, 1, 4, 4))
        constant(f"b{i}/bias", (4,))
        conv = node(f"b{i}/conv", "Conv2D", x, f"b{i}/kernel")
        conv.attr["strides"].list.i[:] = [1, 1, 1, 1]
        conv.attr["dilations"].list.i[:] = [1, 1, 1, 1]
        conv.attr["padding"].s = b"SAME"
        conv.attr["data_format"].s = b"NHWC"
        node(f"b{i}/add_bias", "BiasAdd", f"b{i}/conv", f"b{i}/bias").attr["data_format"].s = b"NHWC"
        node(f"b{i}/relu6", "Relu6", f"b{i}/add_bias")
        node(f"b{i}/add", "AddV2", f"b{i}/relu6", x)
        x = f"b{i}/add"
    node("out", "Identity", x)
    return graph
