"""TensorFlow's side: builds a case's graph, writes it frozen, and computes the outputs that are right."""
import contextlib

import tensorflow as tf

tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _session(graph):
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1,
        use_per_session_threads=False)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = tf.compat.v1.OptimizerOptions.L0
    config.graph_options.optimizer_options.global_jit_level = tf.compat.v1.OptimizerOptions.OFF
    return tf.compat.v1.Session(graph=graph, config=config)


class Reference:
    """A frozen GraphDef with inputs in0, in1… and outputs out0, out1…, and its outputs for every feed."""

    def __init__(self, graph_def, outputs):
        self.graph_def = graph_def
        self.outputs = outputs

    def ops(self):
        found = {node.op for node in self.graph_def.node}
        for function in self.graph_def.library.function:
            found.update(node.op for node in function.node_def)
        return found


def build(case, make=None, rewrite=None):
    """The case's graph (`make`: another build of the same operands; `rewrite`: changes its nodes). It is
    built in a plain graph, not in a traced function: eager constants that the build closes over become
    Const nodes, and nothing is captured, so that the graph is born frozen."""
    graph = tf.Graph()
    with graph.as_default():
        operands = [
            tf.compat.v1.placeholder(spec.dtype, spec.placeholder_shape(), name=f"in{i}")
            for i, spec in enumerate(case.inputs)
        ]
        results = (make or case.build)(*operands)
        if not isinstance(results, (list, tuple)):
            results = [results]
        names = []
        for i, result in enumerate(results):
            tf.identity(result, name=f"out{i}")
            names.append(f"out{i}")
    graph_def = graph.as_graph_def()
    for node in graph_def.node if rewrite else []:
        rewrite(node)
    return Reference(graph_def, names)


@contextlib.contextmanager
def runner(graph_def, outputs):
    """A function from a feed (name -> array) to the outputs (name -> array), on the GraphDef itself."""
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    with _session(graph) as session:
        tensors = [name if ":" in name else name + ":0" for name in outputs]

        def run(feed):
            found = session.run(
                tensors, {(k if ":" in k else k + ":0"): v for k, v in feed.items()})
            return dict(zip(outputs, found))

        yield run


def v1(build):
    """`build` with TensorFlow 1's control flow: Switch, Merge, Enter, Exit, and its TensorArrays."""
    def built(*operands):
        tf.compat.v1.disable_control_flow_v2()
        try:
            return build(*operands)
        finally:
            tf.compat.v1.enable_control_flow_v2()
    return built


def raw_op(name, **arguments):
    """A node of any op that TensorFlow registers, those without a public function included (`_FusedConv2D`):
    operands and attributes by the names of the op's definition. Only in the graph of a case's build."""
    from tensorflow.python.framework import op_def_library, op_def_registry
    definition = op_def_registry.get(name)
    inferred = {a for i in definition.input_arg for a in (i.type_attr, i.number_attr, i.type_list_attr)}
    for attr in definition.attr:
        if attr.HasField("default_value") and attr.name not in inferred:
            arguments.setdefault(attr.name, _plain(attr.default_value))
    return op_def_library.apply_op(name, name=name.strip("_"), **arguments)


def _plain(value):
    """An AttrValue as apply_op takes it."""
    kind = value.WhichOneof("value")
    if kind == "list":
        return next((list(items) for _, items in value.list.ListFields()), [])
    return tf.as_dtype(value.type) if kind == "type" else getattr(value, kind)
