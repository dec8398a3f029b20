"""Small seeds for the readers' fuzzers, from real models:  python make_corpus.py MODELS fuzz/corpus"""
import pathlib
import sys
import tempfile

import h5py
import hdf5_files
import numpy as np
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2


def main(models, corpus):
    models, corpus = pathlib.Path(models), pathlib.Path(corpus)

    def write(fuzzer, name, content):
        if isinstance(content, str):
            content = content.encode()
        if len(content) < 40_000:
            (corpus / fuzzer).mkdir(parents=True, exist_ok=True)
            (corpus / fuzzer / name).write_bytes(content)

    write("graph_def", "constants", (models / "graph_def/graph.pb").read_bytes())
    graph = graph_pb2.GraphDef.FromString((models / "graph_def/graph.pb").read_bytes())
    del graph.node[12:]
    write("proto_text", "constants", text_format.MessageToString(graph))
    for name in ("module", "v1_partitioned_saved", "tf_keras_export"):
        message = saved_model_pb2.SavedModel.FromString((models / name / "saved_model.pb").read_bytes())
        meta = message.meta_graphs[0]
        write("meta_graph", name, meta.SerializeToString())
        write("graph_def", name, meta.graph_def.SerializeToString())
        write("sstable", name, (models / name / "variables/variables.index").read_bytes())
    write("sstable", "part", b"30 10 0,5:-")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("empty", "compact", "small_v108", "small_v110", "texts", "sequences", "removed", "odd_numbers", "bfloat16"):
            write("hdf5", name, hdf5_files.make(name, pathlib.Path(folder) / name).read_bytes())
        with h5py.File(pathlib.Path(folder) / "chunks", "w") as f:
            for number, packing in enumerate(({}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True})):
                f.create_dataset(str(number), data=[[number] * 9] * 9, chunks=(4, 5), **packing)
        write("hdf5", "chunks", (pathlib.Path(folder) / "chunks").read_bytes())
        with h5py.File(pathlib.Path(folder) / "dense", "w", libver=("v108", "latest")) as f:
            for number in range(40):
                f.create_group(f"g{number}")
                f.attrs[f"a{number}"] = "text" * number
            f.attrs["large"] = np.array([b"x" * 100] * 60)
        write("hdf5", "dense", (pathlib.Path(folder) / "dense").read_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
