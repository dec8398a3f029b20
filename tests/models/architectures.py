"""The detectors, written once over a backend (backends.py): SSD MobileNetV2 300 and SSD MobileNetV2 FPN-lite 320.

Both return (box encodings [N, anchors, 4], class scores [N, anchors, CLASSES]); or decoded boxes as
[ymin, xmin, ymax, xmax] in [0, 1] where `decoded` asks for them.
"""
import itertools
import math

import numpy as np

CLASSES = 91
SSD_MAPS = (19, 10, 5, 3, 2, 1)
FPN_MAPS = (40, 20, 10, 5, 3)

# (expansion, channels, repeats, stride) of MobileNetV2's stages.
_STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
           (6, 320, 1, 1)]


def _conv_norm_relu(b, x, name, filters, size, stride=1):
    return b.relu6(b.norm(b.conv(x, name, filters, size, stride), name + "_bn"), name + "_relu")


def _mobilenet_v2(b, x):
    """Returns every block's output, every block's expansion, and the last convolution."""
    outputs, expansions = [], []
    x = _conv_norm_relu(b, x, "stem", 32, 3, 2)
    channels = 32
    for expansion, filters, repeats, first_stride in _STAGES:
        for repeat in range(repeats):
            name = f"block_{len(outputs)}"
            stride = first_stride if repeat == 0 else 1
            y = x
            if expansion > 1:
                y = _conv_norm_relu(b, y, name + "_expand", channels * expansion, 1)
            expansions.append(y)
            y = b.depthwise(y, name + "_depthwise", 3, stride)
            y = b.relu6(b.norm(y, name + "_depthwise_bn"), name + "_depthwise_relu")
            y = b.norm(b.conv(y, name + "_project", filters, 1), name + "_project_bn")
            if stride == 1 and channels == filters:
                y = b.add([x, y], name + "_add")
            outputs.append(y)
            x, channels = y, filters
    return outputs, expansions, _conv_norm_relu(b, x, "top", 1280, 1)


def _gather(b, boxes, scores, anchors, decoded):
    box = b.concat(boxes, "boxes")
    score = b.sigmoid(b.concat(scores, "class_logits"), "scores")
    return (b.decode(box, anchors) if decoded else box), score


def ssd_mobilenet_v2_300(b, image, decoded=False):
    _, expansions, top = _mobilenet_v2(b, image)
    maps = [expansions[13], top]
    for level, (squeeze, filters) in enumerate([(256, 512), (128, 256), (128, 256), (64, 128)]):
        x = _conv_norm_relu(b, maps[-1], f"extra_{level}_squeeze", squeeze, 1)
        maps.append(_conv_norm_relu(b, x, f"extra_{level}", filters, 3, 2))
    boxes, scores = [], []
    for level, x in enumerate(maps):
        each = 3 if level == 0 else 6
        boxes.append(b.flatten(b.conv(x, f"box_{level}", each * 4, 1, bias=True), 4, f"box_{level}_flat"))
        scores.append(b.flatten(
            b.conv(x, f"class_{level}", each * CLASSES, 1, bias=True), CLASSES, f"class_{level}_flat"))
    return _gather(b, boxes, scores, anchors(SSD_MAPS, [3] + [6] * 5), decoded)


def _separable(b, x, name, filters, norm=None, stride=1):
    """A shared separable convolution; `norm` names the batch norm, which every level has for itself."""
    x = b.depthwise(x, name + "_depthwise", 3, stride)
    x = b.conv(x, name + "_pointwise", filters, 1, bias=norm is None)
    return x if norm is None else b.relu6(b.norm(x, norm), norm + "_relu")


def ssd_mobilenet_v2_fpnlite_320(b, image, decoded=False):
    outputs, _, top = _mobilenet_v2(b, image)
    lateral = [b.conv(x, f"lateral_{i}", 128, 1, bias=True)
               for i, x in enumerate([outputs[5], outputs[12], top], 3)]
    maps = [lateral[2]]
    for level in (1, 0):
        x = b.add([b.upsample(maps[0], f"up_{level + 3}"), lateral[level]], f"merge_{level + 3}")
        maps.insert(0, _separable(b, x, f"smooth_{level + 3}", 128, f"smooth_{level + 3}_bn"))
    for level in (6, 7):
        maps.append(_conv_norm_relu(b, maps[-1], f"coarse_{level}", 128, 3, 2))
    boxes, scores = [], []
    for level, x in enumerate(maps, 3):
        for tower, depth, into, out in (("box", 4, boxes, 4), ("class", 4, scores, CLASSES)):
            y = x
            for i in range(depth):
                y = _separable(b, y, f"{tower}_tower_{i}", 128, f"{tower}_tower_{i}_bn_{level}")
            y = _separable(b, y, f"{tower}_head", 6 * out)
            into.append(b.flatten(y, out, f"{tower}_{level}_flat"))
    return _gather(b, boxes, scores, anchors(FPN_MAPS, [6] * 5), decoded)


def anchors(maps, each):
    """[anchors, 4] as ycenter, xcenter, height, width."""
    ratios = [1.0, 2.0, 0.5, 3.0, 1 / 3, 1.0]
    rows = []
    for level, (size, count) in enumerate(zip(maps, each)):
        scale = 0.1 + 0.85 * level / (len(maps) - 1)
        for y, x, a in itertools.product(range(size), range(size), range(count)):
            s, r = scale * (1.2 if a == 5 else 1.0), math.sqrt(ratios[a])
            rows.append([(y + 0.5) / size, (x + 0.5) / size, s / r, s * r])
    return np.array(rows, np.float32)
