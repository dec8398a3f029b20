"""TensorLists, as TensorFlow 2's loops, maps, scans and folds use them, and every operation on them by itself."""
import tensorflow as tf

from harness import B, Case, Spec, U, differential

raw = tf.raw_ops
SHAPE = [-1, 3]


def reserved(x, n=3):
    handle = raw.TensorListReserve(element_shape=SHAPE, num_elements=n, element_dtype=x.dtype)
    for i in range(n):
        handle = raw.TensorListSetItem(input_handle=handle, index=i, item=x * (i + 1))
    return handle


def pushed(x, n=3):
    handle = raw.EmptyTensorList(element_shape=SHAPE, max_num_elements=-1, element_dtype=x.dtype)
    for i in range(n):
        handle = raw.TensorListPushBack(input_handle=handle, tensor=x * (i + 1))
    return handle


def stack(handle, x, n=-1):
    return raw.TensorListStack(input_handle=handle, element_shape=SHAPE, element_dtype=x.dtype, num_elements=n)


def get(handle, i, x):
    return raw.TensorListGetItem(input_handle=handle, index=i, element_shape=SHAPE, element_dtype=x.dtype)


def popped(x):
    handle, last = raw.TensorListPopBack(input_handle=pushed(x), element_shape=SHAPE, element_dtype=x.dtype)
    return last, stack(handle, x)


def from_tensor(x):
    return raw.TensorListFromTensor(tensor=tf.stack([x, x * 2]), element_shape=SHAPE)


EACH = {  # op -> class -> build; x is [?,3]
    "TensorListReserve": {"stack": lambda x: stack(reserved(x), x), "get": lambda x: get(reserved(x), 1, x)},
    "EmptyTensorList": {"stack": lambda x: stack(pushed(x), x), "get": lambda x: get(pushed(x), 2, x)},
    "TensorListPushBack": {"after reserve": lambda x: stack(raw.TensorListPushBack(input_handle=reserved(x), tensor=x), x)},
    "TensorListPopBack": {"last and rest": popped},
    "TensorListFromTensor": {"stack": lambda x: stack(from_tensor(x), x), "get": lambda x: get(from_tensor(x), 1, x)},
    "TensorListSetItem": {"again": lambda x: stack(raw.TensorListSetItem(input_handle=reserved(x), index=1, item=x - 5), x)},
    "TensorListLength": {"reserved": lambda x: (raw.TensorListLength(input_handle=reserved(x)), x + 1),
                         "pushed": lambda x: (raw.TensorListLength(input_handle=pushed(x)), x + 1)},
    "TensorListGather": {"some": lambda x: raw.TensorListGather(input_handle=reserved(x), indices=[2, 0], element_shape=SHAPE,
                                                               element_dtype=x.dtype)},
    "TensorListScatterV2": {"all": lambda x: stack(raw.TensorListScatterV2(
        tensor=tf.stack([x, x * 2]), indices=[1, 0], element_shape=SHAPE, num_elements=-1), x)},
    "TensorListScatter": {"all": lambda x: stack(raw.TensorListScatter(
        tensor=tf.stack([x, x * 2]), indices=[1, 0], element_shape=SHAPE), x)},
    "TensorListScatterIntoExistingList": {"some": lambda x: stack(raw.TensorListScatterIntoExistingList(
        input_handle=reserved(x), tensor=tf.stack([x - 1, x - 2]), indices=[2, 0]), x)},
    "TensorListConcatV2": {"all": lambda x: raw.TensorListConcatV2(
        input_handle=reserved(x), element_shape=SHAPE, leading_dims=tf.zeros([0], tf.int64), element_dtype=x.dtype)[0]},
    "TensorListConcatLists": {"two": lambda x: stack(raw.TensorListConcatLists(
        input_a=reserved(x), input_b=pushed(x, 2), element_dtype=x.dtype), x)},
    "TensorListResize": {"shorter": lambda x: stack(raw.TensorListResize(input_handle=reserved(x), size=2), x),
                         "longer": lambda x: stack(raw.TensorListSetItem(
                             input_handle=raw.TensorListResize(input_handle=reserved(x), size=4), index=3, item=x), x)},
    "TensorListStack": {"num_elements": lambda x: stack(reserved(x), x, 3)},
    "TensorListSplit": {"two and one": lambda x: get(raw.TensorListSplit(
        tensor=tf.reshape(tf.concat([x, x, x], -1), [-1, 3])[:3], element_shape=SHAPE, lengths=tf.constant([2, 1], tf.int64)), 0, x)},
}


def loop_writes(x, n=4):
    a = tf.TensorArray(tf.float32, n)
    return tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x * tf.cast(i, tf.float32))), [0, a])[1].stack()


def reads_its_own(x):
    a = tf.TensorArray(tf.float32, 4, clear_after_read=False).write(0, x)
    return tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, a.read(i - 1) * 0.5 + 1)), [1, a])[1].stack()


def loop_in_loop(x):
    def body(i, a):
        return i + 1, a.write(i, loop_writes(x + tf.cast(i, tf.float32), 2))
    return tf.while_loop(lambda i, a: i < 3, body, [0, tf.TensorArray(tf.float32, 3)])[1].stack()


PER_ROW = {
    "map": lambda x: tf.map_fn(lambda r: tf.nn.relu(r) * 2, x),
    "map to a scalar": lambda x: tf.map_fn(lambda r: tf.reduce_sum(r), x),
    "map of two": lambda x: tf.map_fn(lambda r: r[0] - r[1], (x, x * 0.5), fn_output_signature=tf.float32),
    "map to two": lambda x: tf.map_fn(lambda r: (r + 1, tf.reduce_max(r)), x, fn_output_signature=(tf.float32, tf.float32)),
    "map in a map": lambda x: tf.map_fn(lambda r: tf.map_fn(lambda e: e * 2 + 1, r), x),
    "scan": lambda x: tf.scan(lambda a, r: a * 0.5 + r, x),
    "scan from": lambda x: tf.scan(lambda a, r: a + tf.reduce_sum(r), x, initializer=0.5),
    "scan back": lambda x: tf.scan(lambda a, r: a * 0.5 + r, x, reverse=True),
    "foldl": lambda x: tf.foldl(lambda a, r: a * 0.5 + r, x),
    "foldr": lambda x: tf.foldr(lambda a, r: a * 0.5 + r, x),
}


# Loops that stay: the number of iterations n is known at run time alone, or is beyond what is unrolled.
def loop(cond, body, variables, **more):
    return tf.while_loop(cond, body, variables, **more)


def array(n, dtype=tf.float32, **more):
    return tf.TensorArray(dtype, n, **more)


def writes(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x * tf.cast(i + 1, x.dtype))), [0, array(5, x.dtype)])[1].stack()


def writes_twice(x, n):
    def body(i, a):
        return i + 1, a.write(i, x).write(i, x * 2.0)
    return loop(lambda i, a: i < n, body, [0, array(5, element_shape=x.shape)])[1].stack()


def writes_backwards(x, n):
    return loop(lambda i, a: i > 0, lambda i, a: (i - 1, a.write(i, x - tf.cast(i, tf.float32))), [n, array(6, element_shape=x.shape)])[1].stack()


def reads_before(x, n):
    a = array(6, clear_after_read=False).write(0, x)
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, a.read(i - 1) * 0.5 + 1.0)), [1, a])[1].read(n - 1)


def reads_only(x, n):
    source = array(4, clear_after_read=False).unstack(tf.stack([x, x + 1.0, x * 2.0, -x]))
    return loop(lambda i, s: i < n, lambda i, s: (i + 1, s + source.read(i)), [0, tf.zeros_like(x)])[1]


def two_lists(x, n):
    def body(i, a, b):
        return i + 1, a.write(i, x + tf.cast(i, tf.float32)), b.write(i, i * 3)
    _, a, b = loop(lambda i, a, b: i < n, body, [0, array(5), array(5, tf.int32)])
    return a.stack(), b.stack()


def inner_list(x, n):
    def body(i, s):
        inner = loop(lambda j, a: j < n, lambda j, a: (j + 1, a.write(j, x * tf.cast(i, tf.float32))), [0, array(4, element_shape=x.shape)])[1]
        return i + 1, s + inner.stack()
    return loop(lambda i, s: i < n, body, [0, tf.zeros_like(tf.stack([x] * 4))])[1]


def list_through_both(x, n):
    def body(i, a):
        return i + 1, loop(lambda j, a: j < 2, lambda j, a: (j + 1, a.write(2 * i + j, x * tf.cast(i + j, tf.float32))), [0, a])[1]
    return loop(lambda i, a: i < n, body, [0, array(8, element_shape=x.shape)])[1].stack()


def branch_writes(x, n):
    def body(i, a):
        return i + 1, tf.cond(i % 2 > 0, lambda: a.write(i, x), lambda: a.write(i, -x))
    return loop(lambda i, a: i < n, body, [0, array(5, element_shape=x.shape)])[1].stack()


def one_branch_writes(x, n):
    def body(i, a):
        return i + 1, tf.cond(i % 2 > 0, lambda: a.write(i, x), lambda: a)
    return loop(lambda i, a: i < n, body, [0, array(5, element_shape=x.shape)])[1].stack()


def gathers(x, n):
    a = loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x + tf.cast(i, tf.float32))), [0, array(5, element_shape=x.shape)])[1]
    return a.gather([3, 0, 0])


def concatenates(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x + tf.cast(i, tf.float32))),
                [0, array(5, element_shape=x.shape)])[1].concat()


def length_inside(x, n):
    handle = raw.TensorListReserve(element_shape=[2, 3], num_elements=4, element_dtype=tf.float32)
    def body(i, l, s):
        l = raw.TensorListSetItem(input_handle=l, index=i, item=x)
        return i + 1, l, s + raw.TensorListLength(input_handle=l)
    _, l, s = loop(lambda i, l, s: i < n, body, [0, handle, 0])
    return raw.TensorListStack(input_handle=l, element_shape=[2, 3], element_dtype=tf.float32, num_elements=4), s


def push(handle, x):
    return raw.TensorListPushBack(input_handle=handle, tensor=x)


def pushes(x, n):
    handle = raw.EmptyTensorList(element_shape=SHAPE, max_num_elements=-1, element_dtype=x.dtype)
    l = loop(lambda i, l: i < n, lambda i, l: (i + 1, push(l, x * tf.cast(i, tf.float32))), [0, handle])[1]
    return stack(l, x)


def pushes_and_pops(x, n):
    handle = raw.EmptyTensorList(element_shape=SHAPE, max_num_elements=-1, element_dtype=x.dtype)
    l = loop(lambda i, l: i < n, lambda i, l: (i + 1, push(push(l, x), x * tf.cast(i, tf.float32))), [0, handle])[1]
    def body(i, l, s):
        l, last = raw.TensorListPopBack(input_handle=l, element_shape=SHAPE, element_dtype=x.dtype)
        return i + 1, l, s * 0.5 + last
    return loop(lambda i, l, s: i < n, body, [0, l, tf.zeros_like(x)])[2]


def grows_by_writing(x, n):
    a = array(0, dynamic_size=True, element_shape=x.shape)
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x + tf.cast(i, tf.float32))), [0, a])[1].stack()


def sized_at_run_time(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x + tf.cast(i, tf.float32))),
                [0, array(n, element_shape=x.shape)])[1].stack()


def resizes(x, n):
    l = reserved(x)
    return stack(raw.TensorListResize(input_handle=l, size=n), x)


def scatters(x, n):
    l = raw.TensorListScatterV2(tensor=tf.stack([x, x * 2, x * 3]), indices=[n, 0, 2 * n], element_shape=SHAPE, num_elements=9)
    return stack(l, x)


def scatters_into(x, n):
    l = raw.TensorListScatterIntoExistingList(input_handle=raw.TensorListFromTensor(tensor=tf.stack([x, x, x, x, x]), element_shape=SHAPE),
                                              tensor=tf.stack([x - 1, x - 2]), indices=[n, 0])
    return stack(l, x)


def place_at_run_time(x, n):
    return stack(raw.TensorListSetItem(input_handle=reserved(x, 5), index=n, item=x - 7), x)


def item_at_run_time(x, n):
    return get(reserved(x, 5), n, x)


def concat_lists(x, n):
    a = raw.TensorListSetItem(input_handle=reserved(x, 5), index=n, item=x - 7)
    return stack(raw.TensorListConcatLists(input_a=a, input_b=pushed(x, 2), element_dtype=x.dtype), x)


def splits(x, n):
    l = raw.TensorListSplit(tensor=tf.concat([x, x + 1.0], 0), element_shape=SHAPE, lengths=tf.constant([2, 2], tf.int64))
    return get(l, n - n, x)


def lengths(x, n):
    l = raw.TensorListSetItem(input_handle=reserved(x, 5), index=n, item=x)
    return raw.TensorListConcatV2(input_handle=l, element_shape=SHAPE, leading_dims=tf.zeros([0], tf.int64), element_dtype=x.dtype)


def element_shape(x, n):
    handle = raw.TensorListReserve(element_shape=[2, 3], num_elements=5, element_dtype=tf.float32)
    l = raw.TensorListSetItem(input_handle=handle, index=n, item=x)
    return tf.identity(raw.TensorListElementShape(input_handle=l, shape_type=tf.int32)), stack(l, x)


def never_written(x, n):
    """Elements that were not written are zeros where their sizes are stated."""
    handle = raw.TensorListReserve(element_shape=[2, 3], num_elements=5, element_dtype=tf.float32)
    return stack(raw.TensorListSetItem(input_handle=handle, index=n, item=x), x), stack(handle, x)


def long_map(x):
    return tf.map_fn(lambda r: tf.tanh(r) + 1.0, tf.tile(tf.expand_dims(x, 0), [1300, 1, 1]))


STAYS = {  # name -> (op, build, data_dependent)
    "writes": ("TensorListSetItem", writes, False),
    "writes twice": ("TensorListSetItem", writes_twice, False),
    "writes backwards": ("TensorListSetItem", writes_backwards, False),
    "reads before": ("TensorListGetItem", reads_before, False),
    "reads only": ("TensorListGetItem", reads_only, False),
    "two lists": ("TensorListReserve", two_lists, False),
    "inner list": ("TensorListStack", inner_list, False),
    "list through both": ("TensorListReserve", list_through_both, False),
    "branch writes": ("TensorListReserve", branch_writes, False),
    "one branch writes": ("TensorListReserve", one_branch_writes, False),
    "gathers": ("TensorListGather", gathers, False),
    "concatenates": ("TensorListConcatV2", concatenates, False),
    "place at run time": ("TensorListSetItem", place_at_run_time, False),
    "item at run time": ("TensorListGetItem", item_at_run_time, False),
    "concat lists at run time": ("TensorListConcatLists", concat_lists, False),
    "scatters at run time": ("TensorListScatterV2", scatters, False),
    "scatters into at run time": ("TensorListScatterIntoExistingList", scatters_into, False),
    "lengths": ("TensorListConcatV2", lengths, False),
    "pushes": ("TensorListPushBack", pushes, True),
    "pushes and pops": ("TensorListPopBack", pushes_and_pops, False),
    "grows by writing": ("TensorListSetItem", grows_by_writing, True),
    "sized at run time": ("TensorListReserve", sized_at_run_time, True),
    "resizes": ("TensorListResize", resizes, True),
}
STATED = {"length inside": ("TensorListLength", length_inside), "element shape": ("TensorListElementShape", element_shape),
          "never written": ("TensorListStack", never_written), "splits": ("TensorListSplit", splits)}
# Sums over lists of unknown number need a size per picture.
ANY_COUNT = {name: build for name, build in PER_ROW.items()}


def staying():
    count = Spec((), "int32", (2, 4))
    for name, (op, build, dependent) in STAYS.items():
        for shape in ((2, 3), (B, 3)):
            # UNSORTED_SEGMENT_MAX and PopBack's slices leave the sizes of an unknown batch open.
            open_batch = shape[0] is B and ("scatters" in name or "pops" in name)
            yield Case(op, f"{name},stays", [Spec(shape), count], build, data_dependent=dependent or open_batch)
    for name, (op, build) in STATED.items():
        yield Case(op, f"{name},stays", [Spec((2, 3)), count], build)
    for name in ("writes", "writes twice"):
        yield Case("TensorListSetItem", f"{name},no iteration", [Spec((2, 3)), Spec((), "int32", (0, 0))],
                   lambda x, n, b=STAYS[name][1]: b(tf.ensure_shape(x, [2, 3]), n))
    for dtype in ("int32", "int64", "bool", "uint8", "int8", "int16", "float16"):
        yield Case("TensorListSetItem", "identity,stays", [Spec((2, 3), dtype), count],
                   lambda x, n: loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x)),
                                     [0, array(5, x.dtype, element_shape=x.shape)])[1].stack())
    yield Case("TensorListSetItem", "scalars,stays", [Spec((), "float32"), count], writes)
    yield Case("TensorListStack", "map,beyond the budget", [Spec((2, 3))], long_map)
    for name, build in ANY_COUNT.items():
        # The number of rows is the batch.
        for shape in ((B, 4), (B, 2, 4)) + (() if name == "map in a map" else ((B, U(2, 5)),)):
            yield Case("TensorListStack" if "fold" not in name else "TensorListFromTensor", f"{name},unknown count",
                       [Spec(shape)], build, data_dependent="fold" not in name)


def cases():
    for op, classes in EACH.items():
        for name, build in classes.items():
            for shape in ((1, 3), (B, 3)):
                yield Case(op, name, [Spec(shape)], build)
    for name, build in PER_ROW.items():
        # A map over an unknown size inside a map carries a list through a loop that stays: not yet.
        for shape in ((3, 4), (3, 2, 4)) + (() if name == "map in a map" else ((3, U(2, 5)),)):
            yield Case("TensorListStack" if "fold" not in name else "TensorListFromTensor", name, [Spec(shape)], build)
    for name, build in {"loop writes": loop_writes, "reads its own": reads_its_own, "loop in loop": loop_in_loop}.items():
        for shape in ((2, 3), (B, 3)):
            yield Case("TensorListReserve", name, [Spec(shape)], build)
    yield from staying()


test_tensor_list = differential("tensor_list", cases())
