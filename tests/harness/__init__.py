"""The differential harness: TensorFlow is the referee of everything that pumice converts.

An op family's file needs only this package's names:

    from harness import Case, Spec, U, B, differential, masks, space

See `tests/harness/README.md` for how to write one.
"""
from harness.case import ANY_RANK, B, B0, Case, Spec, U, Unranked, masks
from harness.space import space
from harness.suite import differential

__all__ = ["ANY_RANK", "B", "B0", "Case", "Spec", "U", "Unranked", "differential", "masks", "space"]
