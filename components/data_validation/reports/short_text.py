"""Long texts cut for a message or a cell."""


def short(text: str, length: int = 40) -> str:
    """At most `length` characters of a text; an ellipsis stands for the rest."""
    return text if len(text) <= length else text[: length - 1] + "…"
