"""What is wrong with a photo's file: damage that a lenient decoder passes over, pixels other than at ingestion."""

import numpy as np
import simplejpeg

from components.model_analysis.error_causes.cause_names import BROKEN_PROCESSING
from components.model_analysis.error_causes.findings import Finding
from components.modeling.images.decoding import decode_image, UndecodableImageError
from components.modeling.images.pixel_fingerprint import pixel_fingerprint
from components.shared.contracts.split_record import content_key

_JPEG = b"\xff\xd8"
_SURE = 0.97


def damaged_file(data: bytes) -> str | None:
    """What a strict decoder says of a JPEG file that a lenient one reads; None where it has nothing to say."""
    if data[:2] != _JPEG:
        return None
    try:
        simplejpeg.decode_jpeg(data, "GRAY" if simplejpeg.decode_jpeg_header(data)[2] == "Gray" else "RGB", strict=True)
    except ValueError as error:
        words = str(error).strip()
        return words if "orrupt" in words or "remature" in words or "nvalid" in words or "xtraneous" in words else None
    return None


def content_changed(data: bytes, content_id: int | None) -> bool | None:
    """Whether a file's pixels are other ones than ingestion saw; None where no content id says."""
    if content_id is None:
        return None
    try:
        return content_key(pixel_fingerprint(decode_image(data).pixels_HWC)) != content_id
    except UndecodableImageError:
        return True


def file_findings(data: bytes, *, content_id: int | None) -> list[Finding]:
    """Evidence of a broken file; `content_id` is None where ids of this table are not of pixels."""
    found = []
    words = damaged_file(data)
    if words is not None:
        found.append(_finding("damaged file", f"its file is damaged, the decoder guessed the rest: {words[:80]}"))
    if content_changed(data, content_id):
        found.append(_finding("changed content", "today's decoder gives other pixels than ingestion recorded"))
    return found


def cut_off_views(pixels: np.ndarray) -> list[np.ndarray]:
    """The two square ends of a photo, shape (H, W, 3), if only the middle is read; none where it is nearly square."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if max(height, width) < 1.2 * side:
        return []
    return [pixels[:side, :side], pixels[height - side :, width - side :]]


def _finding(kind: str, words: str) -> Finding:
    return Finding(cause=BROKEN_PROCESSING, kind=kind, strength=_SURE, words=words)
