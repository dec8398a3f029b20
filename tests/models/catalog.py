"""The list of models: name -> how it is made. A name is architecture-flavour-batch[-decoded]."""
import dataclasses

SSD, FPN = "ssd300", "fpn320"


@dataclasses.dataclass(frozen=True)
class Entry:
    name: str
    framework: str  # the process that makes it: keras3, tf_keras or plain
    flavour: str
    architecture: str = SSD
    unknown_batch: bool = False
    decoded: bool = False

    @property
    def size(self):
        return 320 if self.architecture == FPN else 300


_FRAMEWORKS = {
    "k3_export": "keras3", "k3_saved": "keras3", "tfk_save": "tf_keras", "tfk_export": "tf_keras",
    "module": "plain", "tf1_saved": "plain", "tf1_checkpoint": "plain", "frozen_pb": "plain",
    "frozen_pbtxt": "plain",
}


def _entries():
    # Every flavour of both detectors; each flavour at a fixed batch with one, at an unknown batch with the other.
    for i, (flavour, framework) in enumerate(_FRAMEWORKS.items()):
        for architecture in (SSD, FPN):
            unknown = (i % 2 == 0) == (architecture == SSD)
            yield Entry("", framework, flavour, architecture, unknown)
    # The other batch where shape arithmetic differs most between the flavours.
    for flavour, architecture, unknown in [("k3_export", SSD, False), ("k3_saved", SSD, True),
                                           ("module", FPN, True), ("module", SSD, False)]:
        yield Entry("", _FRAMEWORKS[flavour], flavour, architecture, unknown)
    # Anchors decoded in the graph.
    for flavour, architecture, unknown in [("k3_export", SSD, True), ("tfk_save", SSD, False),
                                           ("module", FPN, True), ("tf1_saved", FPN, False)]:
        yield Entry("", _FRAMEWORKS[flavour], flavour, architecture, unknown, True)


def _named(entry):
    batch = "bN" if entry.unknown_batch else "b1"
    name = f"{entry.architecture}-{entry.flavour}-{batch}" + ("-decoded" if entry.decoded else "")
    return dataclasses.replace(entry, name=name)


DETECTORS = {e.name: e for e in map(_named, dict.fromkeys(_entries()))}

# Where TensorFlow's own converter fails, beyond the Keras 3 models above that are saved raw.
SPECIAL = {e.name: e for e in [
    Entry("bias_add_nchw_rank3", "keras3", "bias_add_nchw_rank3"),
    Entry("ssd300-frozen_train-b1", "plain", "frozen_train"),
]}

# For bench/.
BENCH = {e.name: e for e in [
    Entry("conv300mb-saved", "plain", "conv300mb_saved"),
    Entry("conv300mb-frozen", "plain", "conv300mb_frozen"),
    *(Entry(f"chain-{n}", "plain", f"chain-{n}") for n in (1000, 3000, 10000, 30000, 100000)),
]}

ALL = {**DETECTORS, **SPECIAL, **BENCH}
