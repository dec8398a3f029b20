"""A model whose constants do not fit in a flatbuffer: they stand behind it, and both runtimes find them there."""
import json

import numpy as np
import pytest

from harness import binary, runtimes

_ROWS, _COLUMNS, _TABLES = 1 << 17, 1024, 5  # 512 MiB each
_ROW_BYTES = _COLUMNS * 4
_PICKED = [0, 77_777, _ROWS - 1]


def _table_row(table, row):
    return np.random.default_rng(table * _ROWS + row).standard_normal(_COLUMNS, np.float32)


def _node(name, op, inputs=(), **attributes):
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def _shape(*sizes):
    return {"dim": [{"size": str(size)} for size in sizes]}


def _write_tfjs(folder):
    """Looked-up rows of five tables. The file is sparse: only the rows that are looked up hold numbers."""
    float_type, int_type = {"type": "DT_FLOAT"}, {"type": "DT_INT32"}
    table_shape = _shape(_ROWS, _COLUMNS)
    zero = {"tensor": {"dtype": "DT_INT32", "tensorShape": {}, "intVal": [0]}}
    nodes = [_node("ids", "Placeholder", dtype=int_type, shape={"shape": _shape(len(_PICKED))}),
             _node("axis", "Const", dtype=int_type, value=zero)]
    weights = []
    for table in range(_TABLES):
        nodes += [_node(f"table{table}", "Const", dtype=float_type,
                        value={"tensor": {"dtype": "DT_FLOAT", "tensorShape": table_shape}}),
                  _node(f"rows{table}", "GatherV2", [f"table{table}", "ids", "axis"], Tparams=float_type,
                        Tindices=int_type, Taxis=int_type, batch_dims={"i": "0"})]
        weights.append({"name": f"table{table}", "shape": [_ROWS, _COLUMNS], "dtype": "float32"})
    weights.append({"name": "axis", "shape": [], "dtype": "int32"})
    manifest = [{"paths": ["weights.bin"], "weights": weights}]
    (folder / "model.json").write_text(json.dumps({
        "format": "graph-model", "modelTopology": {"node": nodes, "versions": {"producer": 1}},
        "weightsManifest": manifest}))
    with open(folder / "weights.bin", "wb") as file:
        for table in range(_TABLES):
            for row in _PICKED:
                file.seek((table * _ROWS + row) * _ROW_BYTES)
                file.write(_table_row(table, row).tobytes())
        file.seek(_TABLES * _ROWS * _ROW_BYTES)
        file.write(np.int32(0).tobytes())


@pytest.mark.full
def test_constants_behind_the_flatbuffer(tmp_path):
    _write_tfjs(tmp_path)
    model = tmp_path / "model.tflite"
    tables = [f"rows{table}" for table in range(_TABLES)]
    done = binary.run("convert", tmp_path, "-o", model, "--input-arrays", "ids", "--output-arrays", ",".join(tables),
                      timeout=600)
    assert done.status == 0, done.text()
    assert model.stat().st_size > 2**31
    feed, result = tmp_path / "feed.npz", tmp_path / "result.npz"
    np.savez(feed, ids=np.array(_PICKED, np.int32))
    for runtime in (runtimes.Interpreter(), runtimes.CompiledModel()):
        try:
            got = runtime.run(model, feed, result)
        finally:
            runtime.close()
        for table, name in enumerate(tables):
            want = np.stack([_table_row(table, row) for row in _PICKED])
            np.testing.assert_array_equal(got[name], want, f"{runtime.name}, {name}")
    inspected = binary.run("inspect", model, timeout=600)
    assert inspected.status == 0, inspected.text()
    model.unlink()  # pytest keeps the folders of its last runs
