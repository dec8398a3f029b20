"""Clean checkpoints restored into the models that they were made of: what was kept is what it was, and trains on."""
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from exact import ramp, rate_of, same
from networks import cases, trained_parts


def slots(optimizer, variables):
    """(list, number of the variable) -> value, of a built optimizer of either Keras."""
    found = {}
    for name, value in vars(optimizer).items():
        if name in ("_variables", "_trainable_variables") or not isinstance(value, (list, tuple)) or not value:
            continue
        for number, variable in enumerate(variables):
            if hasattr(optimizer, "_index_dict"):
                at = optimizer._index_dict.get(optimizer._var_key(variable))
            else:
                at = next((i for i, v in enumerate(optimizer._trainable_variables) if v is variable), None)
            if at is not None and at < len(value) and hasattr(value[at], "numpy"):
                found[name, number] = np.asarray(value[at])
    return found


def restored(model, folder):
    tf.train.Checkpoint(model).restore(str(folder / "variables/variables")).expect_partial()
    return model


def optimizers_of(model):
    """Those that compile() set, outermost first, as pumice orders them."""
    found, work = [], [model]
    while work:
        part = work.pop(0)
        if getattr(part, "optimizer", None) is not None:
            found.append(part.optimizer)
        work += [layer for layer in part.layers if hasattr(layer, "layers")]
    return found + ([model.aux_optimizer] if hasattr(model, "aux_optimizer") else [])


def resumed(k, make, source, clean, policy):
    """Restored into the model that it was made of, what was kept is what it was, and trains on."""
    model = restored(make(), source)
    variables = model.trainable_variables
    held = [(slots(o, variables), int(o.iterations), rate_of(o)) for o in optimizers_of(model)]
    kinds = [type(o) for o in optimizers_of(model)]
    whole = len(held) > 1 and getattr(model, "optimizer", None) is not None and not hasattr(model, "aux_optimizer")
    if policy == "keep-last" and whole:
        # The last optimizer is the model's now. Variables that it did not train begin anew.
        model.compile(optimizer=kinds[-1](learning_rate=0.5), loss="mse")
        model.optimizer.build(variables)
        fresh = slots(model.optimizer, variables)
        restored(model, clean)
        expected, steps, rate = held[-1]
        assert expected
        found = slots(model.optimizer, variables)
        for key, value in fresh.items():
            same(found[key], expected.get(key, value))
        optimizer = model.optimizer
    elif policy == "unify" and getattr(model, "optimizer", None) is None:
        # The first part's optimizer covers the variables of both.
        optimizer = kinds[0](learning_rate=0.5)
        optimizer.build(variables)
        holder = next(layer for layer in model.layers if hasattr(layer, "layers"))
        holder.optimizer = optimizer
        restored(model, clean)
        found = slots(optimizer, variables)
        expected = {key: value for each, _, _ in held for key, value in each.items()}
        assert set(found) == set(expected) and len({number for _, number in found}) == len(variables)
        for key, value in expected.items():
            same(found[key], value)
        _, steps, rate = held[0]
    else:
        place = len(held) - 1 if policy == "keep-last" else 0
        optimizer = optimizers_of(model)[place]
        for value in vars(optimizer).values():
            for variable in value if isinstance(value, (list, tuple)) else [value]:
                if hasattr(variable, "assign") and hasattr(variable, "shape"):
                    variable.assign(np.zeros(variable.shape, str(np.asarray(variable).dtype)))
        restored(model, clean)
        expected, steps, rate = held[place]
        found = slots(optimizer, variables)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same(found[key], value)
    assert (int(optimizer.iterations), rate_of(optimizer)) == (steps, rate)
    before = [v.numpy().copy() for v in variables]
    optimizer_variables = list(slots(optimizer, variables))
    trained = [v for number, v in enumerate(variables) if any(n == number for _, n in optimizer_variables)] or variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(ramp(model.input_shape)) - 3.0) ** 2)
    gradients = tape.gradient(loss, [v.value if k is keras else v for v in trained])
    optimizer.apply_gradients(zip(gradients, trained))
    assert any((a != b.numpy()).any() for a, b in zip(before, variables))
    assert int(optimizer.iterations) == steps + 1


def rebuilt():
    """source -> (its Keras, how it is made)"""
    for k, prefix in (keras, "keras3"), (tf_keras, "tf_keras"):
        for name, make in cases(k):
            if name in ("one", "two_adams", "two_kinds", "attribute"):
                yield f"{prefix}_{name}", (k, make)
        for case, outer in ("parts", None), ("parts_and_whole", 0.3):
            yield f"{prefix}_{case}", (k, lambda k=k, outer=outer: trained_parts(k, outer))
