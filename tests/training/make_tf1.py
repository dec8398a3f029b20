"""The optimizer cases of TensorFlow 1: graphs, frozen graphs and checkpoints."""
import tensorflow as tf

v1 = tf.compat.v1


def network(scope=""):
    """x -> y = x·w + b; its loss."""
    with v1.variable_scope(scope) if scope else v1.variable_scope(v1.get_variable_scope()):
        x = v1.placeholder(tf.float32, [None, 3], name=f"{scope}x" if not scope else "x")
        w = v1.get_variable("w", [3, 2], initializer=v1.constant_initializer(0.5), use_resource=False)
        b = v1.get_variable("b", [2], initializer=v1.zeros_initializer(), use_resource=False)
        return tf.reduce_mean(tf.identity(tf.matmul(x, w) + b, name="y") ** 2), [w, b]


def tf1_case(folder, name, build):
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        build()
        session.run(v1.global_variables_initializer())
        (folder / f"tf1_{name}_ckpt").mkdir()
        if v1.global_variables():
            v1.train.Saver().save(session, str(folder / f"tf1_{name}_ckpt/model"))
        (folder / f"tf1_{name}.pb").write_bytes(graph.as_graph_def().SerializeToString())
        if "train" in [op.name for op in graph.get_operations()]:
            frozen = v1.graph_util.extract_sub_graph(graph.as_graph_def(), ["train"])
            (folder / f"tf1_{name}_frozen.pb").write_bytes(frozen.SerializeToString())


def trained_graphs(folder):
    adam, momentum = v1.train.AdamOptimizer, v1.train.MomentumOptimizer

    def one():
        loss, _ = network()
        adam(0.01, beta1=0.8).minimize(loss, name="train")

    def two_minimize():
        loss, _ = network()
        adam(0.01).minimize(loss)
        adam(0.002).minimize(loss)

    def beside():
        loss, variables = network()
        adam(0.01).minimize(loss)
        momentum(0.1, 0.9).minimize(loss, var_list=variables[:1])

    def scoped():
        for scope in "A", "B":
            loss, _ = network(scope)
            with v1.name_scope(scope):
                adam(0.01).minimize(loss)

    source = tf.Graph()
    with source.as_default():
        loss, _ = network()
        adam(0.01).minimize(loss)
    definition = source.as_graph_def()

    def imported_twice():
        v1.import_graph_def(definition, name="")
        v1.import_graph_def(definition, name="")

    def unscoped():
        loss, _ = network()
        momentum(0.1, 0.9).minimize(loss)
        v1.import_graph_def(definition, name="")

    for build in one, two_minimize, beside, scoped, imported_twice, unscoped:
        tf1_case(folder, build.__name__, build)


def more_graphs(folder):
    train = v1.train

    def resource():
        """Resource variables; dense and sparse gradients of one optimizer; the same one twice."""
        table = v1.get_variable("table", [5, 2], use_resource=True)
        w = v1.get_variable("w", [2, 2], use_resource=True)
        ids = v1.placeholder(tf.int32, [3], name="ids")
        loss = tf.reduce_sum(tf.matmul(tf.gather(table, ids), w))
        optimizer = train.MomentumOptimizer(0.1, 0.9)
        optimizer.minimize(loss)
        optimizer.minimize(loss * 2.0)

    def shared_rate():
        """Two optimizers that read one learning rate."""
        loss, variables = network()
        rate = v1.placeholder_with_default(0.1, [], name="rate")
        train.AdagradOptimizer(rate).minimize(loss, var_list=variables[:1])
        train.AdagradOptimizer(rate).minimize(loss, var_list=variables[1:])

    def all_kinds():
        loss, _ = network()
        for optimizer in (train.AdadeltaOptimizer(0.01), train.AdagradOptimizer(0.01), train.AdamOptimizer(0.01),
                          train.FtrlOptimizer(0.01), train.GradientDescentOptimizer(0.01),
                          train.MomentumOptimizer(0.01, 0.9), train.RMSPropOptimizer(0.01, momentum=0.5),
                          train.RMSPropOptimizer(0.01, centered=True),
                          train.ProximalAdagradOptimizer(0.01), train.ProximalGradientDescentOptimizer(0.01)):
            optimizer.minimize(loss)

    for build in resource, shared_rate, all_kinds:
        tf1_case(folder, build.__name__, build)


def checkpoints_alone(folder):
    """The training part is cut off, the checkpoint stays; and a checkpoint alone."""
    for name in "orphan", "keys":
        prefix = folder / f"tf1_{name}_ckpt" / "model"
        with tf.Graph().as_default(), v1.Session() as session:
            loss, _ = network()
            v1.train.AdamOptimizer(0.01).minimize(loss)
            if name == "keys":
                v1.train.AdamOptimizer(0.01).minimize(loss)
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(prefix))
        prefix.with_name("model.meta").unlink()
    with tf.Graph().as_default():
        network()
        v1.train.Saver().export_meta_graph(str(folder / "tf1_orphan_ckpt/model.meta"))


def tf1(folder):
    trained_graphs(folder)
    more_graphs(folder)
    checkpoints_alone(folder)
