"""HDF5 files of every form that h5py writes and pumice must read, or refuse by name.

FILES: name -> a function that fills an h5py.File. REFUSED: name -> (the function, what the refusal says). Both take
`options` for h5py.File from OPTIONS.
"""
import h5py
import numpy as np

OPTIONS, FILES, REFUSED = {}, {}, {}
rng = np.random.default_rng(7)


def file(**options):
    def add(make):
        FILES[make.__name__] = make
        OPTIONS[make.__name__] = options
        return make
    return add


def refused(says, **options):
    def add(make):
        REFUSED[make.__name__] = make, says
        OPTIONS[make.__name__] = options
        return make
    return add


NUMBERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?", ">f4", ">i8", ">u2"]


def values(dtype, shape):
    if np.dtype(dtype) == bool:
        return rng.integers(0, 2, shape).astype(bool)
    return (rng.normal(size=shape) * 50).astype(dtype)


@file()
def empty(f):
    pass


@file()
def dtypes(f):
    for dtype in NUMBERS:
        f.create_dataset(f"{dtype}/scalar".replace(">", "big"), data=values(dtype, ()))
        f.create_dataset(f"{dtype}/matrix".replace(">", "big"), data=values(dtype, (3, 5)))
        f.attrs[dtype] = values(dtype, (4,))
        f.attrs[dtype + " one"] = values(dtype, ())[()]


@file()
def bfloat16(f):
    """As ml_dtypes gives it to h5py, as opaque bytes, and as Keras does: with its dtype in an attribute."""
    raw = np.arange(6, dtype="u2").reshape(2, 3)
    f.create_dataset("opaque", data=raw.view("V2"))
    f.create_dataset("keras", data=raw).attrs["dtype"] = "bfloat16"
    native = h5py.h5t.IEEE_F32LE.copy()
    native.set_fields(15, 7, 8, 0, 7)
    native.set_size(2)
    native.set_ebias(127)
    space = h5py.h5s.create_simple((2, 3))
    dataset = h5py.h5d.create(f.id, b"native", native, space)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, raw, mtype=native)


@file()
def odd_numbers(f):
    """Numbers that have no dtype here are kept as bytes."""
    kind = h5py.h5t.STD_I32LE.copy()
    kind.set_precision(20)
    h5py.h5d.create(f.id, b"twenty_bits", kind, h5py.h5s.create_simple((3,)))
    f.create_dataset("enum", data=np.array([0, 2], "i2"), dtype=h5py.enum_dtype({"RED": 0, "GREEN": 2}, "i2"))
    f.create_dataset("bits", data=np.zeros((2,), "V7"))


@file()
def shapes(f):
    for shape in (), (0,), (3, 0), (1,), (7,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (2, 1, 2, 1, 2), (1,) * 20:
        f.create_dataset("x".join(map(str, shape)) or "scalar", data=values("f4", shape))
        f.attrs[str(shape)] = values("i4", shape)
    f.create_dataset("null", data=h5py.Empty("f4"))
    f.attrs["null"] = h5py.Empty("i8")
    f.attrs["null text"] = h5py.Empty("S5")


@file()
def texts(f):
    f.attrs["str"] = "größe ✓"
    f.attrs["empty"] = ""
    f.attrs["bytes"] = b"ascii"
    f.attrs["fixed"] = np.bytes_("fixed")
    f.attrs["strs"] = ["a", "", "ccc" * 100]
    f.attrs["names"] = np.array([b"conv/kernel:0", b"b"])
    f.attrs["table"] = np.array([["a", "b"], ["c", "dddd"]], dtype=h5py.string_dtype())
    f.attrs["none"] = np.array([], dtype=h5py.string_dtype())
    f.attrs.create("spaces", "pad", dtype=h5py.string_dtype())
    padded = h5py.h5t.C_S1.copy()
    padded.set_size(6)
    padded.set_strpad(h5py.h5t.STR_SPACEPAD)
    attribute = h5py.h5a.create(f.id, b"space padded", padded, h5py.h5s.create(h5py.h5s.SCALAR))
    attribute.write(np.array(b"ab    ", "S6"), mtype=padded)
    f.create_dataset("vocabulary", data=["one", "two", "", "drei" * 50])
    f.create_dataset("fixed", data=np.array([b"one", b"three"]))
    f.create_dataset("scalar", data="text")
    f.create_group("ключ/名 with spaces/\\back").attrs["имя"] = 1


@file()
def long_texts(f):
    """Above what an object's header holds: variable-length, in the global heap."""
    f.attrs["model_config"] = "x" * 3_000_000
    f.attrs["another"] = "y" * 70_000
    f.attrs["many"] = ["t" * (i % 50) for i in range(4000)]
    f.attrs["fixed"] = np.array([b"n" * 100] * 640)  # 64,000 bytes: the most that fits
    for i in range(300):
        f.create_group(f"layers/g{i}/vars").attrs["name"] = f"layer_{i}"


@file()
def sequences(f):
    kind = h5py.vlen_dtype("f4")
    dataset = f.create_dataset("ragged", (3,), dtype=kind)
    for i in range(3):
        dataset[i] = np.arange(i * 4, dtype="f4")
    f.attrs.create("ragged", np.array([np.arange(3), np.arange(5)], dtype=object), dtype=h5py.vlen_dtype("i8"))


@file()
def many_attributes(f):
    """Several continuation blocks: attributes come after the header was made."""
    group = f.create_group("g")
    for i in range(400):
        group.attrs[f"attribute {i}"] = "v" * (i % 37)
        if i % 100 == 0:
            f.create_group(f"between{i}")
    for i in range(0, 400, 3):
        del group.attrs[f"attribute {i}"]
        f.attrs.modify("changed", i)


@file()
def many_links(f):
    """B-trees of several levels."""
    group = f.create_group("layers")
    for i in range(5000):
        group.create_group(f"layer_{i * 7919 % 5000}")
    for i in range(9):
        f.create_dataset(f"nine/d{i}", data=i)


@file()
def deep(f):
    f.create_dataset("/".join(f"level{i}" for i in range(120)), data=1.5)


@file()
def removed(f):
    """Free space, and blocks that are used again."""
    for i in range(60):
        f.create_dataset(f"g{i % 7}/d{i}", data=np.arange(i * 10))
    for i in range(0, 60, 2):
        del f[f"g{i % 7}/d{i}"]
    f.create_dataset("last", data=np.arange(500))
    f.move("last", "renamed")


@file()
def chunked(f):
    for name, shape, chunks in (("line", (1000,), (64,)), ("even", (64, 64), (16, 16)), ("edges", (37, 23), (16, 10)),
                                ("cube", (9, 10, 11), (4, 4, 4)), ("one", (3, 3), (3, 3)), ("large", (3, 3), (100, 100)),
                                ("five", (3, 2, 4, 3, 2), (2, 1, 3, 2, 2))):
        options = {} if name != "large" else {"maxshape": (None, None)}
        for packing, more in (("plain", {}), ("deflate", {"compression": "gzip"}),
                              ("shuffle", {"shuffle": True}), ("both", {"compression": "gzip", "shuffle": True})):
            for dtype in "f4", "i8", "u1":
                f.create_dataset(f"{name}/{packing}/{dtype}", data=values(dtype, shape), chunks=chunks, **options, **more)


@file()
def many_chunks(f):
    f.create_dataset("levels", data=values("i2", (5000, 3)), chunks=(2, 2), compression="gzip", compression_opts=1)


@file()
def grown(f):
    """Resizable, partly written, with fill values."""
    d = f.create_dataset("grown", (10, 4), maxshape=(None, 4), chunks=(3, 4), dtype="f4", fillvalue=2.5)
    d[1] = 7
    d.resize((26, 4))
    d[25, 3] = -1
    d = f.create_dataset("shrunk", data=values("f8", (20, 6)), maxshape=(20, 6), chunks=(4, 4))
    d.resize((5, 3))
    f.create_dataset("unwritten", (5, 5), dtype="i4", fillvalue=-3)
    f.create_dataset("unwritten_chunks", (50, 5), dtype="f4", fillvalue=0.5, chunks=(7, 5))
    f.create_dataset("zero", (40,), dtype="f8")
    f.create_dataset("large", (3_000_000,), dtype="f4", chunks=(1000,), compression="gzip")


@file()
def compact(f):
    for shape in (), (3, 4), (1000,):
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
        dataset = h5py.h5d.create(f.id, str(shape).encode(), h5py.h5t.IEEE_F32LE, space, plist)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.asarray(values("f4", shape), "f4"))


def small_model(f):
    """What Keras writes of a small model, of few enough parts that even the newest format needs no heap of links."""
    f.attrs["keras_version"] = "3.15.1"
    for layer in "conv2d", "dense":
        group = f.create_group(f"layers/{layer}/vars")
        group.attrs["name"] = layer
        for i in range(2):
            group.create_dataset(str(i), data=values("f4", (3, 3, 2 + i)))
    f.create_dataset("optimizer/vars/0", data=np.int64(3))
    f.create_dataset("optimizer/vars/1", data=np.float32(0.5))


for _version in ("v108", "v110", "v112", "latest"):
    FILES[f"small_{_version}"], OPTIONS[f"small_{_version}"] = small_model, {"libver": (_version, "latest")}
FILES["small_tracked"], OPTIONS["small_tracked"] = small_model, {"track_order": True}


@file(fs_strategy="page", fs_page_size=4096)
def paged(f):
    small_model(f)


def dense_links(f):
    """More than fit into a header: a heap, and an index of names. Long names need indirect blocks."""
    for i in range(9):
        f.create_dataset(f"nine/d{i}", data=i)
    for i in range(3000):
        f.create_group(f"layers/layer_{i * 7919 % 3000}")
    for i in range(400):
        f.create_dataset(f"long/{'n' * (i % 200) * 9}{i}", data=values("f4", (2,)))
    for i in range(0, 3000, 3):
        del f[f"layers/layer_{i}"]


def dense_attributes(f):
    """In a heap as well; those above 4 KiB are objects of their own there."""
    group, dataset = f.create_group("g"), f.create_dataset("d", data=values("f4", (3,)))
    for node, count in ((group, 30), (dataset, 700)):
        for i in range(count):
            node.attrs[f"attribute {i}"] = values("f8", (i % 40,))
    for i in range(12):
        group.attrs[f"weight_names{i}"] = np.array([b"name %d" % i * 9] * 800)
        group.attrs[f"text {i}"] = "t" * i * 3000
    for i in range(0, 700, 4):
        del dataset.attrs[f"attribute {i}"]


for _make in dense_links, dense_attributes:
    for _version in "v108", "v110", "latest":
        _name = f"{_make.__name__}_{_version}"
        FILES[_name], OPTIONS[_name] = _make, {"libver": (_version, "latest")}


@file(track_order=True)
def tracked(f):
    """In the order of making; names in that order, too, as the copy has them."""
    for i in range(20):
        f.create_group(f"layers/{i:03}")
        f.attrs[f"a{i:03}"] = i


@refused("newest formats", libver="latest")
def newest_chunks(f):
    f.create_dataset("d", data=np.arange(100), chunks=(10,), maxshape=(None,))


@refused("filter 32000")
def lzf(f):
    f.create_dataset("d", data=np.arange(100), compression="lzf")


@refused("filter 3 ")
def fletcher(f):
    f.create_dataset("d", data=np.arange(100), fletcher32=True)


@refused("filter 6 ")
def scale_offset(f):
    f.create_dataset("d", data=np.arange(100), scaleoffset=3)


@refused("soft and external")
def soft_link(f):
    f.create_group("g")
    f["d"] = h5py.SoftLink("/g")


@refused("soft and external")
def external_link(f):
    f["d"] = h5py.ExternalLink("/etc/passwd", "/")


@refused("second hard link")
def hard_link(f):
    f["a"] = f.create_group("b")


@refused("a circle")
def circle(f):
    group = f.create_group("a/b")
    group["up"] = f["a"]


@refused("nested too deeply")
def too_deep(f):
    group = f
    for _ in range(600):
        group = group.create_group("g")


@refused("compound")
def compound(f):
    f.create_dataset("d", data=np.zeros(3, [("a", "f4"), ("b", "i4")]))


@refused("compound")
def complex_numbers(f):
    f.attrs["c"] = np.complex64(1j)


@refused("references")
def references(f):
    f.attrs["r"] = f.create_group("g").ref


@refused("array types")
def arrays(f):
    f.create_dataset("d", (3,), dtype=np.dtype("(2,2)f4"))


@refused("committed")
def committed(f):
    f["type"] = np.dtype("f4")
    f.create_dataset("d", (3,), dtype=f["type"])


@refused("virtual")
def virtual(f):
    f.create_dataset("s", data=np.arange(4))
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource(f["s"])
    f.create_virtual_dataset("v", layout)


@refused("external files")
def external_storage(f):
    f.create_dataset("d", (4,), "f4", external=[("/nonexistent/raw.bin", 0, 16)])


@refused("too many bytes")
def bomb(f):
    """Two TB of nothing."""
    f.create_dataset("d", (1 << 39,), dtype="f4", chunks=(1 << 20,), compression="gzip")[5] = 1


@refused("too many bytes")
def path_bomb(f):
    """2 MB of names above 3,000 groups: 6 GB of paths."""
    f.create_group("/".join(["n" * 10_000] * 200))
    group = f["/".join(["n" * 10_000] * 200)]
    for i in range(3000):
        group.create_group(str(i))


@refused("too many bytes")
def unwritten_bomb(f):
    f.create_dataset("d", (1 << 39,), dtype="f4")


def make(name, path):
    make_it = FILES[name] if name in FILES else REFUSED[name][0]
    with h5py.File(path, "w", **OPTIONS[name]) as f:
        make_it(f)
    return path
