import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_ingestion.images.measures import image_record
from components.data_ingestion.images.reading import folder_reader, LocalReader, measured_images, stored_images
from components.data_ingestion.images.table_reading import StoredCells
from components.modeling.images.decoding import UndecodableImageError
from components.shared.runtime.cores import available_cores
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_spec import TableSpec


class CountingReader:
    """Images held in memory, and how many of them were read."""

    in_processes = False

    def __init__(self, images: dict[str, bytes]) -> None:
        self._images = images
        self.num_read = 0

    def read(self, location: str) -> bytes:
        self.num_read += 1
        return self._images[location]


def test_records_come_in_the_order_of_locations(photo, encoded):
    images = {str(number): encoded(photo(number), "PNG") for number in range(100)} | {"50": b""}
    records = list(measured_images(CountingReader(images), list(images)))
    assert records[50] == "the file is empty"
    assert [record for record in records if not isinstance(record, str)] == [
        image_record(data) for name, data in images.items() if name != "50"
    ]


def test_payloads_are_read_as_they_are_wanted_and_not_all_at_once(photo, encoded):
    data = encoded(photo(1), "PNG")
    num_images = available_cores() * 100
    reader = CountingReader({str(number): data for number in range(num_images)})
    payloads = stored_images(reader, [(str(number), image_record(data)) for number in range(num_images)])
    assert next(payloads) == data
    assert reader.num_read <= num_images // 4
    assert len(list(payloads)) == num_images - 1


@pytest.mark.parametrize("later", [b"", b"other bytes"])
def test_a_file_that_changes_while_it_is_ingested_is_refused(photo, encoded, later):
    record = image_record(encoded(photo(1), "PNG"))
    with pytest.raises(ValueError, match="1 must not change while it is ingested"):
        list(stored_images(CountingReader({"1": later}), [("1", record)]))


def test_a_file_that_is_gone_is_refused(photo, encoded, tmp_path):
    record = image_record(encoded(photo(1), "PNG"))
    with pytest.raises(ValueError, match="must not change while it is ingested, but now it cannot be read"):
        list(stored_images(LocalReader(str(tmp_path)), [("gone.png", record)]))


def test_a_file_of_more_bytes_than_allowed_is_not_read(tmp_path):
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate((512 << 20) + 1)
    with pytest.raises(UndecodableImageError, match=r"536,870,913 bytes, more than the 536,870,912 allowed"):
        LocalReader(str(tmp_path)).read("huge.jpg")


def test_a_remote_folder_lists_and_reads_names_relative_to_it():
    memory = fsspec.filesystem("memory")
    memory.pipe("/shelf/a/1.jpg", b"one")
    try:
        reader = folder_reader("memory://shelf/")
        assert reader.locations() == ["a/1.jpg"]
        assert reader.read("a/1.jpg") == b"one"
        with pytest.raises(UndecodableImageError, match="it cannot be read"):
            reader.read("a/2.jpg")
    finally:
        memory.rm("/shelf", recursive=True)


def test_a_row_group_of_more_bytes_than_allowed_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": [bytes([number]) * 1000 for number in range(9)]}), path, row_group_size=3)
    file = table_file(str(path), TableSpec())
    cells = StoredCells(file, "image", max_group_bytes=6000)
    assert [cells.read(row) for row in (8, 0, 4)] == [bytes([number]) * 1000 for number in (8, 0, 4)]
    with pytest.raises(ValueError, match=r"must hold at most 3,000 bytes of images, but number 1 holds 5,\d+: write"):
        StoredCells(file, "image", max_group_bytes=3000)
