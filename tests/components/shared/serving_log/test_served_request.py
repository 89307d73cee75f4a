from components.shared.contracts.bundle import BundleConfig
from components.shared.serving_log.served_request import ServedModel


def test_a_bundles_roles_of_its_data_become_those_of_an_example_table():
    config = BundleConfig(
        task="text_classification",
        class_names=("good", "bad"),
        backbone={},
        preprocessing={},
        column_roles={"review": ("text",), "shop": ("slice", "group"), "gone": ("ignored",), "user": ("id", "pii")},
    )

    model = ServedModel.of_bundle(config, name="reviews", version="1")

    assert model.info.column_roles["review"] in ("payload", ("payload",))
    assert set(model.info.column_roles["shop"]) == {"slice", "group"}
    assert set(model.info.column_roles["user"]) == {"id", "pii"}
    assert "gone" not in model.info.column_roles
