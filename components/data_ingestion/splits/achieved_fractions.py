"""How near the splits came to the fractions that were asked for, in each class."""

from collections.abc import Mapping

_NAMED_CLASSES = 3


def achieved_fractions(
    counts: Mapping[str, Mapping[str, int]], fractions: Mapping[str, float], *, of_classes: bool = True
) -> tuple[str, ...]:
    """Sentences on what was asked for and what came of it; none where one split is all that was open.

    `counts` are examples by split and label, unlabelled ones under the empty string; `fractions` from `open_fractions`.
    Without `of_classes` labels are numbers, and no class is spoken of.
    """
    if len(fractions) < 2:
        return ()
    asked = ", ".join(f"{share:.1%} {split}" for split, share in fractions.items())
    off = {}
    for label in dict.fromkeys(label for split in fractions for label in counts[split]):
        found = {split: counts[split].get(label, 0) for split in fractions}
        total = sum(found.values())
        split = max(fractions, key=lambda name: abs(found[name] - total * fractions[name]))
        if abs(found[split] - total * fractions[split]) > 1.0:
            off[label] = f"{label or '(no label)'} has {found[split] / total:.1%} in {split}"
    if not off:
        return (f"asked for are {asked}: {'every class has' if of_classes else 'there is'} that within one example",)
    farthest = "; ".join(list(off.values())[:_NAMED_CLASSES])
    more = f" and {len(off) - _NAMED_CLASSES} more" if len(off) > _NAMED_CLASSES else ""
    which = f"{len(off)} classes are farther from it" if of_classes else "it is farther from that"
    return (f"asked for are {asked}: {which} than one example: {farthest}{more}",)
