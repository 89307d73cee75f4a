"""Where data come from: a name of a known data set, a local path, or an fsspec URI."""

import fsspec

EMBEDDED_SOURCES = ("digits", "pets")


def check_source(source: str) -> None:
    """Check that a source can be read at all.

    Parameters
    ----------
    source
        `digits`, `pets`, a local path or an fsspec URI.

    Raises
    ------
    ValueError
        If the source is empty or its protocol unknown.
    FileNotFoundError
        If there is nothing there.
    """
    if source in EMBEDDED_SOURCES:
        return
    if not source.strip():
        raise ValueError(f"the data source must be a path, a URI or one of {', '.join(EMBEDDED_SOURCES)}, got nothing")
    try:
        filesystem, path = fsspec.core.url_to_fs(source)
    except (ValueError, ImportError) as error:
        raise ValueError(f"the data source {source} must have a protocol that can be read: {error}") from error
    if not filesystem.exists(path):
        raise FileNotFoundError(
            f"the data source must be one of {', '.join(EMBEDDED_SOURCES)} or something that exists, "
            f"but there is nothing at {source}"
        )
