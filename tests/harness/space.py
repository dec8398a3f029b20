"""The attribute and shape space of a family, as a product with names."""
import itertools


class Point:
    """One point of the space: the chosen values are attributes, `text()` is its attribute class."""

    def __init__(self, names, values):
        self._names = names
        self.__dict__.update(values)

    def text(self, *axes):
        """"strides=2,padding=SAME": the named axes (all without arguments), in words."""
        return ",".join(f"{axis}={self._names[axis]}" for axis in (axes or self._names))


def space(where=None, **axes):
    """Every combination of the axes' values for which `where(point)` holds.

    An axis is a sequence of values, or a dict from a name to a value where the value itself says too
    little. for p in space(strides=[1, 2], padding=["SAME", "VALID"], act={"relu": tf.nn.relu}): …
    """
    named = [
        list(values.items()) if isinstance(values, dict) else
        [(str(v).replace(" ", ""), v) for v in values] for values in axes.values()
    ]
    for combination in itertools.product(*named):
        point = Point(
            {axis: name for axis, (name, _) in zip(axes, combination)},
            {axis: value for axis, (_, value) in zip(axes, combination)})
        if where is None or where(point):
            yield point
