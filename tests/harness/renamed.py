"""A GraphDef whose nodes all have other names, drawn at random: what goes by names fails on it."""
import random
import string

import tensorflow as tf


def renamed(graph_def, seed=0):
    """The same graph, and old name -> new name."""
    draw = random.Random(seed)
    names = {}
    for node in graph_def.node:
        while (new := "".join(draw.choices(string.ascii_lowercase, k=12))) in names.values():
            pass
        names[node.name] = new

    def tensor(text):
        control = "^" if text.startswith("^") else ""
        name, colon, rest = text[len(control):].partition(":")
        return control + names[name] + colon + rest

    copy = tf.compat.v1.GraphDef()
    copy.CopyFrom(graph_def)
    for node in copy.node:
        node.name = names[node.name]
        node.input[:] = [tensor(i) for i in node.input]
        if "_class" in node.attr:
            del node.attr["_class"]
    return copy, names
