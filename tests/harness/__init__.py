"""The differential harness: TensorFlow is the referee of everything that pumice converts.

An op family's file needs only this package's names:

    from harness import Case, Spec, U, B, differential, masks, space

See `tests/harness/README.md` for how to write one.
"""
import os

# Set before TensorFlow is imported (conftest imports this first): its plain kernels, one thread, no log. oneDNN's
# are wrong about empty batches. tf.config's threads could not be set once another test has used TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from harness.case import ANY_RANK, B, B0, Case, Spec, U, Unranked, masks  # noqa: E402
from harness.space import space  # noqa: E402
from harness.suite import differential  # noqa: E402

__all__ = ["ANY_RANK", "B", "B0", "Case", "Spec", "U", "Unranked", "differential", "masks", "space"]
