"""What a model bundle keeps of its training data: the dataset that served traffic is compared with."""

from dataclasses import dataclass
from pathlib import Path
import tempfile

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.comparison.dataset_profile import BASELINE_FILE, baseline_profile, DatasetProfile
from components.data_validation.schemas.schema_files import read_schema
from components.shared.contracts.bundle import bundle_version, file_listing
from components.shared.contracts.bundle_fetch import fetch_files
from components.shared.contracts.release_check import check_release_name

SCHEMA_FILE = "schema.pbtxt"
BASELINE_FILES = (SCHEMA_FILE, "statistics/train.pb", f"statistics/{BASELINE_FILE}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ModelBaseline:
    """The training data as a bundle remembers them."""

    version: str  # the bundle's, which is the revision that a server of it reports
    schema: schema_pb2.Schema
    side: DatasetProfile  # statistics and a sample of the training split


def fetch_baseline(model_uri: str) -> ModelBaseline:
    """Read the baseline of a bundle, a local folder or an fsspec URI; the weights stay where they are.

    FileNotFoundError: no bundle, or none with a baseline. ContractError: damaged, of a newer version, or a release that is not
    called its version. ValueError: the store cannot be read, or the schema is none.
    """
    with tempfile.TemporaryDirectory(prefix="baseline-") as name:
        folder = Path(name)
        fetch_files(model_uri, folder, ())
        version = bundle_version(folder)
        check_release_name(model_uri, version)
        listing = file_listing(folder)
        absent = [file for file in BASELINE_FILES if file not in listing]
        if absent:
            raise FileNotFoundError(
                f"the model bundle {model_uri} must carry the baseline of its training data, but lacks {absent[0]}: "
                "train the model again with this release, which keeps it"
            )
        fetch_files(model_uri, folder, BASELINE_FILES)
        return ModelBaseline(
            version=version,
            schema=read_schema(folder / SCHEMA_FILE),
            side=baseline_profile(folder / "statistics", name=f"the model bundle {model_uri}"),
        )
