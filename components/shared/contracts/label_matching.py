"""Labels as people write them, matched to the class names of a model."""

from collections.abc import Sequence
import unicodedata


class LabelMatcher:
    """Finds the class that a label, a folder or a file name means: the same name, whatever its case or Unicode form.

    Where two class names differ in case alone, only the exact spelling matches.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._exact = {name: index for index, name in enumerate(class_names)}
        self._class_names = tuple(class_names)
        folded: dict[str, list[int]] = {}
        for index, name in enumerate(class_names):
            folded.setdefault(_folded(name), []).append(index)
        self._folded = {name: indices[0] for name, indices in folded.items() if len(indices) == 1}

    def index(self, label: str | None) -> int | None:
        """Index of the class, or None where the label is empty or no class of the model."""
        if label is None:
            return None
        exact = self._exact.get(label)
        return self._folded.get(_folded(label)) if exact is None else exact

    def name(self, label: str | None) -> str | None:
        """Name of the class as the model spells it, or None as in `index`."""
        index = self.index(label)
        return None if index is None else self._class_names[index]

    def spelled(self, label: str | None) -> str | None:
        """The label as the model spells it; one that is no class stays as it is, in NFC; empty becomes None."""
        if label is None or not label.strip():
            return None
        return self.name(label) or unicodedata.normalize("NFC", label.strip())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).strip().casefold())
