"""Photos as people bring them: a folder, a folder with a table in it, or a table that names or holds them."""

from collections.abc import Sequence
from dataclasses import replace

from components.data_ingestion.images.labels import image_listing, ImageListing
from components.data_ingestion.images.photo_table import photo_table_listing
from components.data_ingestion.images.reading import folder_reader, ImageReader, LocalReader, RemoteReader
from components.data_ingestion.images.table_reading import PhotoTableReader, StoredCells
from components.data_ingestion.table_scan import scanned_table
from components.shared.contracts.problem import Problem
from components.shared.tables.photo_file_names import readable_name
from components.shared.tables.photo_places import PhotoPlaces
from components.shared.tables.photo_tables import IMAGE_NAMES, label_table, LABEL_TABLES, photo_column, stores_images
from components.shared.tables.repair_spec import check_payload
from components.shared.tables.table_files import TableFile
from components.shared.tables.table_recognition import table_file

Photos = tuple[ImageListing, ImageReader]


def photos_of_folder(source: str, problem: Problem) -> Photos:
    """The images of a folder: those of its `labels.csv` (see `LABEL_TABLES`) where there is one.

    Refuses a folder with more than one such table.
    """
    reader = folder_reader(source)
    locations = reader.locations()
    found = label_table(locations, where=source)
    if found is None:
        if problem.image is not None:
            raise ValueError(
                f"the problem file's image needs a table, but {source} holds none of {', '.join(LABEL_TABLES)}"
            )
        return image_listing(locations, source=source), reader
    file = table_file(f"{source.rstrip('/')}/{found}", problem.table, problem.repairs)
    column = photo_column(file, told=problem.image, ignored=problem.ignore, is_image=True)
    if column is None:
        listing = image_listing([name for name in locations if name != found], source=source)
        return replace(listing, warnings=(*listing.warnings, _unused(file))), reader
    return _photos(file, column, reader, problem, locations=locations)


def photos_of_table(source: str, problem: Problem) -> Photos | None:
    """The images that a table names or holds; None where it is a table of texts or numbers.

    That it holds photos is what the problem file says (`modality: image`, or `image` with their column), or what a
    column with a usual name shows. Refuses a problem file that says so of a table without such a column.
    """
    is_told = problem.modality == "image" or (problem.modality is None and problem.image is not None)
    if not is_told and (problem.modality is not None or problem.text is not None or problem.features):
        return None
    file = table_file(source, problem.table, problem.repairs)
    column = photo_column(file, told=problem.image, ignored=problem.ignore, is_image=is_told)
    if column is not None:
        folder = source.rpartition("/")[0] or "."
        return _photos(file, column, folder_reader(folder), problem, locations=None)
    if not is_told:
        return None
    raise ValueError(
        f"{source} must have a column of photos called {', '.join(IMAGE_NAMES)}, or one that the problem file names "
        f"(image); it has {', '.join(file.column_names())}"
    )


def _photos(
    file: TableFile,
    column: str,
    folder: LocalReader | RemoteReader,
    problem: Problem,
    *,
    locations: Sequence[str] | None,
) -> Photos:
    file.check_repairs()
    check_payload(column, problem.repairs, what="photos")
    places = PhotoPlaces(
        root=folder.root,
        is_local=isinstance(folder, LocalReader),
        listed=None if locations is None else {readable_name(location): location for location in locations},
    )
    listing = photo_table_listing(scanned_table(file), column, problem=problem, places=places)
    inferred = listing.inferred
    if problem.image is None:
        inferred = (f"the column {column!r} of {file.name} holds the photos", *inferred)
    entries = (*listing.entries, *listing.unlabelled)
    reader = PhotoTableReader(
        folder,
        cells=(StoredCells(file, column), places) if stores_images(file, column) else None,
        has_uris=any("://" in entry.location for entry in entries),
    )
    return replace(listing, inferred=inferred), reader


def _unused(file: TableFile) -> str:
    return (
        f"the table {file.name} is not used: none of its columns ({', '.join(file.column_names())}) is called "
        f"{', '.join(IMAGE_NAMES)}; name the one with the photos' paths in the problem file (image)"
    )
