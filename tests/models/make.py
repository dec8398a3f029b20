"""Makes models in a process of its own: python -m models.make FOLDER NAME… (of one framework; see cache.py).

Each gets a folder with the model, TensorFlow's own outputs for fixed feeds, what TFLiteConverter makes of
it (`official.tflite`, or `official.error`), and `model.json`, which describes them all.
"""
import contextlib
import json
import os
import pathlib
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import tensorflow as tf

from harness import reference
from models import architectures, backends, bench_graphs, catalog, weights

ARCHITECTURES = {
    catalog.SSD: architectures.ssd_mobilenet_v2_300,
    catalog.FPN: architectures.ssd_mobilenet_v2_fpnlite_320,
}


class Maker:
    """One model. `describe` collects model.json."""

    def __init__(self, entry, folder):
        self.entry, self.folder = entry, folder
        self.about = {"name": entry.name, "source": "model", "unknown_batch": entry.unknown_batch,
                      "input_arrays": None, "output_arrays": None, "input_shapes": None,
                      "signature": "serving_default", "feeds": []}

    @property
    def batch(self):
        return None if self.entry.unknown_batch else 1

    @property
    def path(self):
        return str(self.folder / self.about["source"])

    def feeds(self, name="image"):
        for batch in (1, 3) if self.entry.unknown_batch else (1,):
            yield {name: weights.image(batch, self.entry.size)}

    def record(self, feed, outputs):
        number = len(self.about["feeds"])
        np.savez(self.folder / f"feed{number}.npz", **feed)
        np.savez(self.folder / f"expected{number}.npz", **outputs)
        self.about["feeds"].append({"inputs": f"feed{number}.npz", "expected": f"expected{number}.npz"})

    # Keras 3 and tf_keras.

    def keras(self, keras, save):
        make = backends.Keras(keras)
        model = make.model(ARCHITECTURES[self.entry.architecture], self.entry.size, self.batch,
                           decoded=self.entry.decoded)
        self.keras_model(model, save, list(self.feeds()))

    def keras_model(self, model, save, feeds):
        save(model, self.path)
        for feed in feeds:
            outputs = model(feed["image"], training=False)
            self.record(feed, {k: v.numpy() for k, v in outputs.items()})
        self.signature_names(feeds[0])
        self.official_saved_model()

    def signature_names(self, feed):
        """Names the feeds' arrays as the SavedModel's signature has them."""
        loaded = tf.saved_model.load(self.path)
        function = loaded.signatures["serving_default"]
        name, = function.structured_input_signature[1]
        self.about["inputs"], self.about["outputs"] = [name], sorted(function.structured_outputs)
        for described in self.about["feeds"]:
            path = self.folder / described["inputs"]
            with np.load(path) as file:
                array, = (file[key] for key in file.files)
            np.savez(path, **{name: array})
            # Keras 3's raw saving may name outputs by itself (output_0…): match them with the model's by value.
            path = self.folder / described["expected"]
            with np.load(path) as file:
                known = {key: file[key] for key in file.files}
            if set(known) != set(function.structured_outputs):
                shapes = {k: v.shape for k, v in function.structured_outputs.items()}
                renamed = {}
                for key, value in known.items():
                    fits = [k for k, s in shapes.items() if s.is_compatible_with(value.shape)]
                    assert len(fits) == 1, (shapes, key)
                    renamed[fits[0]] = value
                np.savez(path, **renamed)

    def k3_export(self):
        import keras
        # export() forgets a fixed batch unless it is told the shape.
        shape = [self.batch, self.entry.size, self.entry.size, 3]
        signature = [tf.TensorSpec(shape, tf.float32, "image")]
        self.keras(keras, lambda m, path: m.export(path, verbose=False, input_signature=signature))

    def k3_saved(self):
        import keras
        self.keras(keras, lambda m, path: tf.saved_model.save(m, path))

    def tfk_save(self):
        import tf_keras
        self.keras(tf_keras, lambda m, path: m.save(path, save_format="tf"))

    def tfk_export(self):
        import tf_keras
        self.keras(tf_keras, lambda m, path: m.export(path))

    def bias_add_nchw_rank3(self):
        import keras
        image = keras.Input((24, 24, 3), name="image")
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="conv")(image)
        x = keras.layers.Reshape((-1, 4), name="flat")(x)
        offsets = weights.bias("offsets", 24 * 24 * 2).reshape(1, -1, 1)
        model = keras.Model(image, {"boxes": keras.ops.add(x, offsets)})
        model.get_layer("conv").set_weights([weights.kernel("conv", (3, 3, 3, 8)), weights.bias("b", 8)])
        self.about["unknown_batch"] = True
        feeds = [{"image": weights.image(batch, 24)} for batch in (1, 3)]
        self.keras_model(model, lambda m, path: m.export(path, verbose=False), feeds)

    # Plain TensorFlow 2.

    def module(self):
        entry = self.entry

        class Detector(tf.Module):
            def __init__(self):
                super().__init__()
                self.parameters = {}

            def variable(self, name, values):
                if name not in self.parameters:
                    with tf.init_scope():
                        self.parameters[name] = tf.Variable(values, name=name)
                return self.parameters[name]

            @tf.function(input_signature=[tf.TensorSpec([self.batch, entry.size, entry.size, 3], name="image")])
            def detect(self, image):
                boxes, scores = ARCHITECTURES[entry.architecture](
                    backends.Plain(self.variable), image, decoded=entry.decoded)
                return {"boxes": boxes, "scores": scores}

        detector = Detector()
        detect = detector.detect.get_concrete_function()
        tf.saved_model.save(detector, self.path, signatures={"serving_default": detect})
        for feed in self.feeds():
            self.record(feed, {k: v.numpy() for k, v in detect(tf.constant(feed["image"])).items()})
        self.about["inputs"], self.about["outputs"] = ["image"], ["boxes", "scores"]
        self.official_saved_model()

    # TensorFlow 1.

    @contextlib.contextmanager
    def tf1(self, partitioned=False):
        """A graph and session with the detector; yields (session, input, outputs, load the weights)."""
        v1 = tf.compat.v1
        made, wanted = {}, {}

        def variable(name, values):
            if name not in made:
                partitioner = None
                if partitioned and backends.is_large(values):
                    partitioner = v1.fixed_size_partitioner(3, axis=values.ndim - 1)
                wanted[name] = values
                made[name] = v1.get_variable(
                    name, values.shape, tf.float32, initializer=v1.zeros_initializer(),
                    use_resource=False, partitioner=partitioner, trainable="moving_" not in name)
            return made[name]

        def load():
            """Feeds the initializers: as in a trained model, the graph itself holds no weights."""
            session.run(v1.global_variables_initializer())
            for variable in v1.global_variables():
                part = variable._get_save_slice_info()
                values = wanted.get(part.full_name if part else variable.op.name)
                if values is not None:
                    if part:
                        values = values[tuple(
                            slice(o, o + n) for o, n in zip(part.var_offset, part.var_shape))]
                    variable.load(values, session)

        with tf.Graph().as_default() as graph, reference._session(graph) as session:
            image = v1.placeholder(
                tf.float32, [self.batch, self.entry.size, self.entry.size, 3], name="image")
            boxes, scores = ARCHITECTURES[self.entry.architecture](
                backends.Plain(variable), image, decoded=self.entry.decoded)
            outputs = {"raw_boxes": tf.identity(boxes, "raw_boxes"), "raw_scores": tf.identity(scores, "raw_scores")}
            yield session, image, outputs, load

    def tf1_outputs(self, session, image, outputs):
        for feed in self.feeds():
            self.record(feed, session.run(outputs, {image: feed["image"]}))

    def cut_by_arrays(self, outputs):
        self.about.update(
            inputs=["image"], outputs=sorted(outputs), input_arrays=["image"], output_arrays=sorted(outputs),
            input_shapes=[f"{-1 if self.batch is None else 1},{self.entry.size},{self.entry.size},3"])

    def tf1_saved(self):
        with self.tf1() as (session, image, outputs, load):
            load()
            tf.compat.v1.saved_model.simple_save(session, self.path, {"image": image}, outputs)
            self.tf1_outputs(session, image, outputs)
        self.about["inputs"], self.about["outputs"] = ["image"], sorted(outputs)
        self.official_saved_model()

    def tf1_checkpoint(self):
        """With a train op left in the graph, and large variables partitioned."""
        v1 = tf.compat.v1
        self.about["source"] = "model.ckpt.meta"
        with self.tf1(partitioned=True) as (session, image, outputs, load):
            loss = tf.add_n([tf.reduce_mean(tf.square(t)) for t in outputs.values()])
            step = v1.train.get_or_create_global_step()
            v1.train.AdamOptimizer(1e-3).minimize(loss, global_step=step)
            load()
            v1.train.Saver().save(session, self.path.removesuffix(".meta"))
            self.tf1_outputs(session, image, outputs)
        self.cut_by_arrays(outputs)

    def frozen(self, as_text):
        self.about["source"] = "model.pbtxt" if as_text else "model.pb"
        with self.tf1() as (session, image, outputs, load):
            load()
            frozen = tf.compat.v1.graph_util.convert_variables_to_constants(
                session, session.graph.as_graph_def(), list(outputs))
            tf.io.write_graph(frozen, str(self.folder), self.about["source"], as_text=as_text)
            self.tf1_outputs(session, image, outputs)
        self.cut_by_arrays(outputs)
        if not as_text:
            self.official(lambda: tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
                self.path, ["image"], sorted(outputs), {"image": [self.batch, self.entry.size, self.entry.size, 3]}))

    def frozen_train(self):
        """A frozen graph with the train op left in it."""
        v1 = tf.compat.v1
        self.about["source"] = "model.pb"
        with self.tf1() as (session, image, outputs, load):
            loss = tf.add_n([tf.reduce_mean(tf.square(t)) for t in outputs.values()])
            v1.train.AdamOptimizer(1e-3).minimize(loss, name="train_op")
            load()
            frozen = v1.graph_util.convert_variables_to_constants(
                session, session.graph.as_graph_def(), [*outputs, "train_op"])
            tf.io.write_graph(frozen, str(self.folder), self.about["source"], as_text=False)
            self.tf1_outputs(session, image, outputs)
        self.cut_by_arrays(outputs)

    def frozen_pb(self):
        self.frozen(False)

    def frozen_pbtxt(self):
        self.frozen(True)

    # What TensorFlow's own converter does.

    def official_saved_model(self):
        self.official(lambda: tf.lite.TFLiteConverter.from_saved_model(
            self.path, signature_keys=["serving_default"]))

    def official(self, converter):
        try:
            (self.folder / "official.tflite").write_bytes(converter().convert())
        except Exception as error:  # any way of failing is a fact about the official converter
            (self.folder / "official.error").write_text(f"{type(error).__name__}: {error}\n")

    def make(self):
        flavour = self.entry.flavour
        if flavour.startswith(("conv300mb", "chain-")):
            bench_graphs.make(flavour, self.folder, self.about)
        else:
            getattr(self, flavour)()
        (self.folder / "model.json").write_text(json.dumps(self.about, indent=1))


def main(folder, names):
    for name in names:
        tf.keras.backend.clear_session()
        made = pathlib.Path(folder) / name
        made.mkdir(parents=True)
        Maker(catalog.ALL[name], made).make()
        print(f"made {name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
