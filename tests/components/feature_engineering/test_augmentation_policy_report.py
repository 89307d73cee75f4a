"""The report's section on augmentation: what the policy is, what it may harm, and contact sheets."""

from components.feature_engineering.augmentation_policy_report import add_augmentation
from components.feature_engineering.contact_sheet import contact_sheet, transform_sheet
from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.named_policies import named_policy, read_policy
from components.reporting.page import Report
from components.shared.feature_store.store import FeatureStore

FLIPS = read_policy([{"OneOf": {"p": 1.0, "transforms": ["Transpose", {"Blur": {"p": 1.0}}]}}], name="flips")


def store_with(path, policy):
    store = FeatureStore(path)
    store.preparation["augmentation"] = policy
    return store


def section(path, policy):
    report = Report("Features")
    add_augmentation(report, store_with(path, policy))
    return report.html()


def test_the_section_names_policy_version_transforms_and_parameters(stripes_store):
    policy = named_policy("standard")
    html = section(stripes_store, policy)
    assert f"Policy standard, version {policy['version']}" in html
    assert "RandomBrightnessContrast" in html
    assert "brightness_limit [-0.2, 0.2]" in html
    assert "fill_mask" not in html


def test_transforms_inside_compositions_are_listed(stripes_store):
    html = section(stripes_store, FLIPS)
    assert "OneOf" in html
    assert "– Transpose" in html
    assert "blur_limit" in html


def test_a_transform_that_changes_labels_is_warned_of(stripes_store):
    assert "Transpose: 100% of the images that a simple reader gets right" in section(stripes_store, FLIPS)
    assert "may change labels" not in section(stripes_store, named_policy("standard"))


def test_no_policy_is_said_in_a_sentence(stripes_store):
    html = section(stripes_store, None)
    assert "No policy: training sees every image as it is stored" in html
    assert "<img" not in html


def test_a_policy_of_before_names_is_shown(stripes_store):
    policy = {key: value for key, value in named_policy("light").items() if key not in ("name", "version")}
    assert "Policy unnamed, version unknown" in section(stripes_store, policy)


def test_a_contact_sheet_shows_originals_and_variants_with_what_was_applied(stripes_store):
    rows = contact_sheet(store_with(stripes_store, FLIPS), Augmenter(FLIPS))
    assert [len(row) for row in rows] == [7, 7, 7]
    assert rows[0][0].caption == "across, as stored"
    assert rows[2][0].caption == "down, as stored"
    variants = [picture.caption for row in rows for picture in row[1:]]
    assert {caption.split(": ")[1] for caption in variants} == {"Transpose", "Blur"}
    assert len({picture.data for picture in rows[0]}) > 1


def test_each_transform_has_a_row_of_its_own(stripes_store):
    rows = transform_sheet(store_with(stripes_store, FLIPS), FLIPS)
    assert [[picture.caption for picture in row] for row in rows] == [
        ["as stored", *(f"{name} {number}" for number in range(1, 7))] for name in ("Transpose", "Blur")
    ]
    first = rows[0]
    assert first[0].data != first[1].data == first[2].data
