"""A few payloads of a table as people see them: small images, short texts."""

from collections.abc import Collection

from components.data_validation.reports.short_text import short
from components.data_validation.tables.column_roles import ColumnRoles
from components.data_validation.tables.prepared_table import PreparedTable
from components.reporting.page import Picture

_NUM_IMAGES = 6
_NUM_TEXTS = 6
_ROWS_LOOKED_AT = 512
_SIDE_PX = 96
_MAX_CHARACTERS = 120


def sample_images(table: PreparedTable) -> list[Picture]:
    """Six images from the first rows, at most 96 px wide and high; none where the table holds no images."""
    if table.info is None or table.info.modality != "image" or "image" not in table.schema.names:
        return []  # a serving log need not keep its payloads
    batch = next(table.iter_batches(["image"], batch_rows=_ROWS_LOOKED_AT), None)
    if batch is None:
        return []
    rows = _evenly(batch.num_rows, _NUM_IMAGES)
    encoded = [batch.column(0)[row].as_py() for row in rows]
    thumbnails = [(row, _thumbnail(image)) for row, image in zip(rows, encoded, strict=True) if image]
    return [
        Picture(data=data, caption=f"row {row + 1}", alternative=f"the image of row {row + 1}")
        for row, data in thumbnails
        if data is not None
    ]


def sample_texts(table: PreparedTable, roles: ColumnRoles, *, hidden: Collection[str] = ()) -> list[str]:
    """Six texts from the first rows, shortened; none of `hidden` columns, which hold personal data."""
    columns = [*roles.texts, *(["text"] if table.info is not None and table.info.modality == "text" else [])]
    shown = [name for name in columns if name in table.schema.names and name not in hidden]
    if not shown:
        return []
    batch = next(table.iter_batches(shown[:1], batch_rows=_ROWS_LOOKED_AT), None)
    if batch is None:
        return []
    texts = batch.column(0).drop_null()
    return [short(texts[row].as_py(), _MAX_CHARACTERS) for row in _evenly(len(texts), _NUM_TEXTS)]


def _evenly(num_rows: int, wanted: int) -> list[int]:
    step = max(1, num_rows // wanted)
    return list(range(0, num_rows, step))[:wanted]


def _thumbnail(image: bytes) -> bytes | None:
    import tensorflow as tf  # only tables of images pay for it

    try:
        pixels = tf.io.decode_image(image, channels=3, expand_animations=False)
        scale = _SIDE_PX / max(int(pixels.shape[0]), int(pixels.shape[1]), _SIDE_PX)
        size = [max(1, round(int(length) * scale)) for length in pixels.shape[:2]]
        small = tf.image.resize(pixels, size, antialias=True)
        return bytes(tf.io.encode_jpeg(tf.cast(tf.clip_by_value(small, 0, 255), tf.uint8), quality=80).numpy())
    except tf.errors.InvalidArgumentError:
        return None  # a format that TensorFlow does not read, WebP for one
