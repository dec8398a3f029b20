"""HDF5: what pumice reads is what h5py reads, and what it writes h5py reads as the same file."""
import pathlib
import random
import resource
import struct
import subprocess
import zipfile

import h5py
import numpy as np
import pytest

from harness import binary
from . import hdf5_files

TOOL = pathlib.Path(binary.pumice()).with_name("pumice_hdf5")
FAILED = (3, 4)


def tool(path, *flags, memory=None):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    done = subprocess.run([TOOL, path, *flags], capture_output=True, timeout=60, preexec_fn=limit if memory else None)
    assert done.returncode in (0, *FAILED), f"exit {done.returncode}\n{done.stderr.decode(errors='replace')[-2000:]}"
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def exact(value, dtype):
    """Bits, not numbers: NaN equals NaN."""
    if isinstance(value, h5py.Empty):
        return "null", str(value.dtype)
    array = np.asarray(value)
    if array.dtype != object:
        return array.dtype.str, str(dtype), array.shape, array.tobytes()
    return "objects", array.shape, [v.tobytes() if isinstance(v, np.ndarray) else v for v in array.ravel().tolist()]


def everything(node, path=""):
    """path -> kind, type, shape and bits of every object and attribute."""
    found = {}
    for name in node.attrs:
        attribute = node.attrs.get_id(name)
        kind, space = attribute.get_type(), attribute.get_space()
        found[f"{path}@{name}"] = (kind.get_class(), kind.get_size(), h5py.check_string_dtype(attribute.dtype),
                                   space.get_simple_extent_type(), attribute.shape, exact(node.attrs[name], attribute.dtype))
        if kind.get_class() == h5py.h5t.STRING:
            found[f"{path}@{name}"] += (kind.get_cset(), kind.get_strpad(), kind.is_variable_str())
    if isinstance(node, h5py.Dataset):
        found[path] = ("dataset", node.id.get_type().equal(node.id.get_type()), node.dtype.str, dict(node.dtype.metadata or {}),
                       node.shape, exact(node[()], node.dtype))
    else:
        found[path] = ("group",)
        for name in node:
            found |= everything(node[name], f"{path}/{name}")
    return found


def assert_copy_is_equal(source, tmp_path):
    """Through the tree and back; twice, with the same bytes; and the copy of the copy as well."""
    copies = [tmp_path / f"copy{i}.h5" for i in range(3)]
    for origin, copy in ((source, copies[0]), (source, copies[1]), (copies[0], copies[2])):
        status, _, errors = tool(origin, "--copy", copy, "--strict")
        assert status == 0, errors
    with h5py.File(source) as a, h5py.File(copies[0]) as b:
        one, other = everything(a), everything(b)
    assert list(one) == list(other)
    for path in one:
        assert one[path] == other[path], path
    content = [copy.read_bytes() for copy in copies]
    assert content[0] == content[1] == content[2]
    return copies[0]


@pytest.mark.parametrize("name", hdf5_files.FILES)
def test_copy(tmp_path, name):
    assert_copy_is_equal(hdf5_files.make(name, tmp_path / "source.h5"), tmp_path)


@pytest.mark.parametrize("name", hdf5_files.REFUSED)
def test_refused(tmp_path, name):
    """By name, with the place; nothing that can be read is hidden by it."""
    says = hdf5_files.REFUSED[name][1]
    path = hdf5_files.make(name, tmp_path / "source.h5")
    status, listing, _ = tool(path, memory=1 << 30)
    faults = [line for line in listing.splitlines() if line.startswith("fault ")]
    assert status == 0 and any(says in fault for fault in faults), listing[-2000:]
    status, _, errors = tool(path, "--strict")
    assert status in FAILED and says in errors, errors


def test_user_block(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w", userblock_size=512) as f:
        f.attrs["a"] = 1
    assert tool(tmp_path / "f.h5")[0] in FAILED  # its first bytes are the user's


def test_values(tmp_path):
    """The accessors that the optimizer analysis uses."""
    with h5py.File(hdf5_files.make("dtypes", tmp_path / "f.h5")) as f:
        expected = {f"dataset {kind}/scalar": f[f"{kind}/scalar"][()] for kind in hdf5_files.NUMBERS if ">" not in kind}
    lines = tool(tmp_path / "f.h5")[1].splitlines()
    for start, value in expected.items():
        line, = [line for line in lines if line.startswith(start + " ")]
        assert float(line.split()[-1]) == float(value) and str(np.asarray(value).dtype) in line, line
    hdf5_files.make("texts", tmp_path / "f.h5")
    listing = tool(tmp_path / "f.h5")[1]
    for line in ("attribute @str invalid [] |größe ✓", "attribute @names invalid [2] |conv/kernel:0 |b", "attribute @empty invalid [] |",
                 "attribute @fixed invalid [] |fixed", "attribute @space padded invalid [] |ab",
                 "dataset vocabulary invalid [4] |one |two | |" + "drei" * 50):
        assert line in listing.splitlines(), line


def test_append(tmp_path):
    """What pumice writes, libhdf5 goes on writing."""
    copy = assert_copy_is_equal(hdf5_files.make("small_v108", tmp_path / "source.h5"), tmp_path)
    with h5py.File(copy, "a") as f:
        for i in range(40):
            f.create_dataset(f"layers/more{i}", data=np.arange(i)).attrs["name"] = "n" * i
        del f["optimizer"]
        f["layers/dense/vars/0"][...] = 5
    with h5py.File(copy) as f:
        assert len(f["layers"]) == 42 and (f["layers/dense/vars/0"][()] == 5).all() and "optimizer" not in f
        assert f["layers/more39"].attrs["name"] == "n" * 39


# ---- damage

def test_truncated(tmp_path):
    for name in "small_v110", "texts", "chunked":
        whole = hdf5_files.make(name, tmp_path / "f.h5").read_bytes()
        cut = tmp_path / "cut.h5"
        for size in sorted({0, 1, 7, 8, 9, 40, 95, 96, len(whole) - 1} | {len(whole) * i // 12 for i in range(12)}):
            cut.write_bytes(whole[:size])
            status, _, errors = tool(cut, memory=1 << 30)
            assert status == 3 and "cut.h5" in errors, (name, size, errors)


def test_damaged(tmp_path):
    """A byte, or eight, at any place: an error, a fault or another value; bounded time and memory."""
    chance = random.Random(3)
    for name in "small_v110", "removed", "texts", "compact", "many_chunks":
        whole = hdf5_files.make(name, tmp_path / "f.h5").read_bytes()
        head = min(len(whole), 12_000)
        for _ in range(25):
            damaged = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(8, head)
                bits = chance.choice([bytes([chance.randrange(256)]), b"\xff" * 8, struct.pack("<Q", chance.randrange(len(whole)))])
                damaged[at:at + len(bits)] = bits
            (tmp_path / "d.h5").write_bytes(damaged)
            tool(tmp_path / "d.h5", memory=1 << 30)


def patched(path, old, new, count=1):
    content = path.read_bytes()
    assert content.count(old) >= count, old
    path.write_bytes(content.replace(old, new))


def test_circles(tmp_path):
    """A group's link leads to the group around it; a B-tree to itself; a header to its own beginning."""
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as f:
        f.create_group("a/b/c")
        addresses = [h5py.h5o.get_info(f[name].id).addr for name in ("a", "a/b/c")]
    patched(path, struct.pack("<Q", addresses[1]), struct.pack("<Q", addresses[0]))
    status, listing, _ = tool(path)
    assert status == 0 and "fault a/b/c: HDF5: an object is reached twice: a circle" in listing, listing
    hdf5_files.make("many_links", path)
    content = bytearray(path.read_bytes())
    nodes = [at for at in range(0, len(content), 8) if content[at:at + 6] == b"TREE\0\1"]
    assert nodes
    struct.pack_into("<Q", content, nodes[0] + 24 + 8, nodes[0])
    path.write_bytes(content)
    status, listing, _ = tool(path)
    assert status == 0 and ("twice" in listing or "descend" in listing), listing[-500:]


def test_absurd_sizes(tmp_path):
    path = tmp_path / "f.h5"

    def small():
        with h5py.File(path, "w") as f:
            f.create_dataset("d", data=np.zeros((0x1234, 2), "u1"))
            f.attrs["text"] = "t" * 4321
            f.create_group("other").attrs["fine"] = 1

    for old, new in ((struct.pack("<QQ", 0x1234, 2), struct.pack("<QQ", 1 << 62, 2)),
                     (struct.pack("<QQ", 0x1234, 2), struct.pack("<QQ", 1 << 40, 2)),
                     (struct.pack("<QQ", 0x1234, 2), b"\xff" * 16),
                     (struct.pack("<I", 4321), struct.pack("<I", 0x7fffffff)),
                     (b"GCOL\1\0\0\0", b"GCOL\2\0\0\0")):
        small()
        patched(path, old, new)
        status, listing, _ = tool(path, memory=1 << 29)
        assert status == 0 and listing.count("fault ") == 1 and "attribute other@fine int64 [] 1" in listing, listing


# ---- Keras

@pytest.fixture(scope="module")
def keras_files(tmp_path_factory):
    """Models of both Keras, saved in each form; with what they predict."""
    import keras
    import tf_keras
    folder = tmp_path_factory.mktemp("keras")
    x = np.linspace(-1, 1, 2 * 8 * 8 * 3, dtype="f4").reshape(2, 8, 8, 3)
    models = {}
    for k, name in (keras, "keras3"), (tf_keras, "tf_keras"):
        layers = [k.Input((8, 8, 3)), k.layers.Conv2D(4, 3, name="stem" * 60)]
        layers += [k.layers.BatchNormalization(name=f"{'normal' * 20}_{i}") for i in range(4)]
        model = k.Sequential([*layers, k.layers.Flatten(), k.layers.Dense(3)], name="net")
        model.compile(k.optimizers.Adam(0.01), k.losses.MeanSquaredError())
        model.fit(x, np.zeros((2, 3), "f4"), verbose=0)
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
        model.save(folder / f"{name}.h5")
        models[name] = (k, model, x)
    return folder, models


@pytest.mark.parametrize("name", ["keras3", "tf_keras"])
def test_keras_loads_the_copy(keras_files, tmp_path, name):
    folder, models = keras_files
    k, model, x = models[name]
    expected = model.predict(x, verbose=0)
    whole = assert_copy_is_equal(folder / f"{name}.h5", tmp_path)
    weights = assert_copy_is_equal(folder / f"{name}.weights.h5", tmp_path).rename(tmp_path / "copied.weights.h5")
    inner = tmp_path / "inner.h5"
    with zipfile.ZipFile(folder / f"{name}.keras") as old, zipfile.ZipFile(tmp_path / "new.keras", "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry.endswith(".h5"):
                inner.write_bytes(content)
                content = assert_copy_is_equal(inner, tmp_path).read_bytes()
            new.writestr(entry, content)
    tool(folder / f"{name}.h5", "--copy", whole, "--strict")
    for path, original in (whole, f"{name}.h5"), (tmp_path / "new.keras", f"{name}.keras"):
        loaded, reference = k.models.load_model(path), k.models.load_model(folder / original)
        assert np.array_equal(loaded.predict(x, verbose=0), expected)
        assert int(loaded.optimizer.iterations.numpy()) == int(reference.optimizer.iterations.numpy())
        old, new = reference.optimizer.variables, loaded.optimizer.variables
        old, new = (old(), new()) if callable(old) else (old, new)
        assert len(old) == len(new) and all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(old, new))
        # Keras 3.15 builds the optimizer of an .h5 for no variables, and cannot train any such model further.
        if (name, path) != ("keras3", whole):
            loaded.fit(x, np.zeros((2, 3), "f4"), verbose=0)
    for w in model.weights:
        w.assign(w * 0)
    model.load_weights(weights)
    assert np.array_equal(model.predict(x, verbose=0), expected)


def test_big_models(tmp_path):
    """Above 64 KiB: model_config as one string, weight_names in Keras's chunks."""
    import tf_keras as k
    model = k.Sequential([k.Input((4,))] + [k.layers.Dense(4, name=f"{'dense' * 200}_{i}") for i in range(50)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "big.h5")
    with h5py.File(tmp_path / "big.h5") as f:
        assert len(f.attrs["model_config"]) > 65536 and "weight_names1" in f["optimizer_weights"].attrs
    copy = assert_copy_is_equal(tmp_path / "big.h5", tmp_path)
    loaded = k.models.load_model(copy)
    x = np.ones((2, 4), "f4")
    assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    found = binary.run("optimizers", copy, "--json")
    assert found.status == 0 and '"variables": 100' in found.stdout, found.text()
