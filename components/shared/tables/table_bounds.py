"""How wide a table may be."""

MAX_COLUMNS = 20_000


def check_num_columns(num_columns: int, *, uri: str, at_least: bool = False) -> None:
    """Refuse a table that is too wide, before any of its rows is read; `at_least` where it may be wider still.

    Raises
    ------
    ValueError
        If there are more than `MAX_COLUMNS` columns.
    """
    if num_columns > MAX_COLUMNS:
        more = "more than " if at_least else ""
        raise ValueError(
            f"{uri} must have at most {MAX_COLUMNS:,} columns, but has {more}{num_columns:,}: keep those that matter, or "
            "turn the table if its rows are the columns"
        )
