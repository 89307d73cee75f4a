from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_versions.folder import version_folder
from components.shared.contracts.label_versions.merging import merge_updates
from components.shared.contracts.label_versions.updates import LabelUpdate
from components.shared.contracts.label_versions.withdrawal import withdraw_labels
from components.shared.contracts.label_versions.writing import table_fingerprint
from components.shared.contracts.split_line import content_fingerprints, split_position
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import hashed_texts
from tests.components.shared.contracts.label_versions.small_tables import (
    labelled_table,
    pool_of,
    table_rows,
    write_rows,
)

GOLDEN = Path(__file__).parents[1] / "golden"


def by_model(name: str, label: str = "pos", version: str = "v1") -> LabelUpdate:
    return LabelUpdate(
        example_id=name, label=label, source="model", model_version=version, probability=0.9, round_number=3
    )


def by_person(name: str, label: str | None = "pos", **more) -> LabelUpdate:
    return LabelUpdate(example_id=name, label=label, **more)


@pytest.fixture
def table(tmp_path) -> ExampleTable:
    return labelled_table(tmp_path / "examples")


@pytest.fixture
def pool(tmp_path) -> ExampleTable:
    return pool_of(tmp_path / "pool")


class TestRowsOfThePool:
    def test_what_taught_is_trained_on_and_what_was_drawn_at_random_lies_where_its_content_does(
        self, table, pool, tmp_path
    ):
        drawn = [by_person(f"p{number}", is_random=True) for number in range(100)]
        chosen = [by_person(f"p{number}") for number in range(100, 150)]

        merged = merge_updates(table, drawn + chosen, tmp_path / "new", pool=pool)

        rows = table_rows(ExampleTable(tmp_path / "new"))
        assert merged.num_added == 150
        assert {rows[update.example_id]["split"] for update in chosen} == {"train"}
        # The table's fractions: 8 of its 12 rows without the rule's are trained on, 1 is validated, 3 are tested on.
        cuts = (8 / 12, 9 / 12)
        for update in drawn:
            position = author_position(rows[update.example_id]["author"])
            expected = "train" if position < cuts[0] else "validation" if position < cuts[1] else "test"
            assert rows[update.example_id]["split"] == expected
        assert {row["label_source"] for row in rows.values()} == {"person", "rule", None}
        assert rows["p1"]["text"] == "pooled 1"
        assert rows["p1"]["place"] == "Seoul"

    def test_fractions_stay_those_of_the_first_version(self, table, pool, tmp_path):
        merge_updates(table, [by_person(f"p{number}") for number in range(100)], tmp_path / "one", pool=pool)
        one = ExampleTable(tmp_path / "one")
        drawn = [by_person(f"p{number}", is_random=True) for number in range(100, 200)]

        merge_updates(one, drawn, tmp_path / "two", pool=pool)

        lineage = ExampleTable(tmp_path / "two").info.lineage
        assert lineage[0].fractions == lineage[1].fractions
        splits = Counter(
            row["split"] for name, row in table_rows(ExampleTable(tmp_path / "two")).items() if name[0] == "p"
        )
        assert splits["train"] < 180

    def test_the_position_of_a_text_without_a_group_is_that_of_ingestion(self, table, tmp_path):
        pool = pool_of(tmp_path / "pool", 0, **{f"q{number}": f"어떤 글 {number}" for number in range(40)})

        merge_updates(
            table, [by_person(f"q{number}", is_random=True) for number in range(40)], tmp_path / "new", pool=pool
        )

        rows = table_rows(ExampleTable(tmp_path / "new"))
        for number in range(40):
            [fingerprint] = content_fingerprints([pa.array([f"어떤 글 {number}"])])
            is_trained_on = split_position(fingerprint) < 8 / 12
            assert (rows[f"q{number}"]["split"] == "train") == is_trained_on

    def test_a_known_content_or_group_keeps_its_split(self, table, tmp_path):
        pool = write_rows(
            tmp_path / "pool",
            [
                ("same text", "text 9", None, None, None, None),
                ("same author", "a new text", None, None, None, "author 7"),
                ("trained author", "another", None, None, None, "author 0"),
            ],
            is_pool=True,
        )
        told = [by_person("same text"), by_person("same author"), by_person("trained author", is_random=True)]

        merge_updates(table, told, tmp_path / "new", pool=pool)

        rows = table_rows(ExampleTable(tmp_path / "new"))
        assert rows["same text"]["split"] == "test"
        assert rows["same author"]["split"] == "validation"
        assert rows["trained author"]["split"] == "train"

    def test_an_identifier_that_scoring_hashed_is_recognised_in_the_pool(self, table, tmp_path):
        pool = write_rows(tmp_path / "pool", [("kim@example.com", "her text", None, None, None, None)], is_pool=True)
        [name] = hashed_texts(pa.array(["kim@example.com"])).to_pylist()

        merged = merge_updates(table, [by_person(name)], tmp_path / "new", pool=pool)

        assert merged.num_added == 1
        assert table_rows(ExampleTable(tmp_path / "new"))["kim@example.com"]["text"] == "her text"

    def test_a_group_stays_whole_and_is_trained_on_with_what_taught(self, table, tmp_path):
        pool = write_rows(
            tmp_path / "pool",
            [(f"g{number}", f"text of one {number}", None, None, None, "one author") for number in range(30)]
            + [
                (f"h{number}", f"text of another {number}", None, None, None, f"pair {number // 2}")
                for number in range(40)
            ],
            is_pool=True,
        )
        told = [by_person(f"g{number}", is_random=number != 11) for number in range(30)]
        told += [by_person(f"h{number}", is_random=True) for number in range(40)]

        merge_updates(table, told, tmp_path / "new", pool=pool)

        rows = table_rows(ExampleTable(tmp_path / "new"))
        assert {rows[f"g{number}"]["split"] for number in range(30)} == {"train"}
        pairs = [{rows[f"h{number}"]["split"], rows[f"h{number + 1}"]["split"]} for number in range(0, 40, 2)]
        assert all(len(pair) == 1 for pair in pairs)
        assert len(set.union(*pairs)) > 1

    def test_a_pool_that_lacks_a_feature_or_holds_something_else_is_refused(self, table, tmp_path):
        with pytest.raises(ContractError, match=r"must hold what .* holds, text, got image"):
            merge_updates(table, [], tmp_path / "new", pool=ExampleTable(GOLDEN / "example_table_v1"))


def author_position(author: str) -> float:
    from components.shared.contracts.split_record import group_fingerprint

    return split_position(group_fingerprint(author))


class TestWhoComesFirst:
    def test_a_person_overrides_a_model_and_never_the_reverse(self, table, pool, tmp_path):
        merge_updates(table, [by_model("open"), by_model("p1"), by_model("t1", "neg")], tmp_path / "one", pool=pool)
        one = ExampleTable(tmp_path / "one")
        rows = table_rows(one)
        assert (rows["open"]["label_source"], rows["open"]["label_model"]) == ("model", "v1")
        assert rows["p1"]["split"] == "train"
        assert (rows["t1"]["label"], rows["t1"]["label_source"], rows["t1"]["label_model"]) == ("pos", "person", None)

        merged = merge_updates(one, [by_person("p1", "neg"), by_model("p1", "pos", "v2")], tmp_path / "two", pool=pool)

        row = table_rows(ExampleTable(tmp_path / "two"))["p1"]
        assert (row["label"], row["label_source"]) == ("neg", "person")
        assert [row[name] for name in ("label_model", "label_probability", "label_round")] == [None, None, None]
        assert merged.num_overruled == 1

    def test_a_model_labels_nothing_that_is_held_out_or_that_a_person_or_a_rule_labelled(self, table, tmp_path):
        pool = pool_of(tmp_path / "pool", 1, copy="text 9")
        told = [by_model(name) for name in ("t1", "rule", "open test", "copy", "nobody", "p0")]

        merged = merge_updates(table, told, tmp_path / "new", pool=pool)

        assert {item.update.example_id: item.kind for item in merged.refused} == {
            "t1": "labelled_by_a_person",
            "rule": "labelled_by_a_person",
            "open test": "held_out",
            "copy": "held_out",
            "nobody": "unknown_example",
        }
        rows = table_rows(ExampleTable(tmp_path / "new"))
        assert {row["split"] for row in rows.values() if row["label_source"] == "model"} == {"train"}
        assert set(rows) == {*table_rows(table), "p0"}

    def test_labels_do_not_change_what_a_person_said_before_and_corrections_do(self, table, tmp_path):
        told = [by_person("t1", "neg"), by_person("rule", "pos")]

        labels = merge_updates(table, told, tmp_path / "labels")
        corrections = merge_updates(table, told, tmp_path / "corrections", kind="corrections")

        assert [item.kind for item in labels.refused] == ["labelled_otherwise"]
        assert table_rows(ExampleTable(tmp_path / "labels"))["rule"]["label"] == "pos"
        assert corrections.refused == ()
        assert table_rows(ExampleTable(tmp_path / "corrections"))["t1"]["label"] == "neg"

    def test_how_far_people_agree_is_kept_with_the_row(self, table, pool, tmp_path):
        merge_updates(table, [by_person("p1", agreement=2 / 3), by_person("p2")], tmp_path / "new", pool=pool)

        new = ExampleTable(tmp_path / "new")
        assert {name: table_rows(new)[name]["label_agreement"] for name in ("p1", "p2", "t1")} == {
            "p1": 2 / 3,
            "p2": None,
            "t1": None,
        }
        assert new.info.roles_of("label_agreement") == ("provenance",)


class TestVersions:
    def test_a_version_says_where_it_comes_from_and_the_old_one_stays(self, table, pool, tmp_path):
        before = table_fingerprint(table)
        merge_updates(table, [by_person("p1", round_number=4), by_model("p2")], tmp_path / "new", pool=pool)

        [change] = ExampleTable(tmp_path / "new").info.lineage
        assert (change.kind, change.parent, change.round_number) == ("labels", before, 4)
        assert change.counts["num_added"] == 2
        assert table_fingerprint(ExampleTable(table.path)) == before

    def test_the_same_labels_twice_are_once_merged(self, table, pool, tmp_path):
        told = [by_person("p1"), by_model("p2"), by_person("open", "neg")]
        merge_updates(table, told, tmp_path / "one", pool=pool)
        one = ExampleTable(tmp_path / "one")
        again = merge_updates(one, told[::-1], tmp_path / "two", pool=pool)
        from_the_first = merge_updates(table, told, tmp_path / "again", pool=pool)

        assert not again.is_new
        assert from_the_first.is_new
        for name in ("two", "again"):
            assert table_fingerprint(ExampleTable(tmp_path / name)) == table_fingerprint(one)

    def test_another_table_is_never_overwritten_and_the_same_one_is_kept(self, table, pool, tmp_path):
        def merged(told) -> None:
            with version_folder(tmp_path / "new", table) as part:
                merge_updates(table, told, part, pool=pool)

        merged([by_person("p1")])
        fingerprint = table_fingerprint(ExampleTable(tmp_path / "new"))
        merged([by_person("p1")])
        with pytest.raises(ContractError, match="holds another table: give another folder"):
            merged([by_person("p2")])

        assert table_fingerprint(ExampleTable(tmp_path / "new")) == fingerprint
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "notes.txt").write_text("mine")
        with pytest.raises(ContractError, match="something else"), version_folder(tmp_path / "other", table):
            pass

    def test_a_table_of_an_earlier_version_is_merged_too(self, tmp_path):
        for version in ("example_table_v1", "example_table_v2", "example_table_v3"):
            old = ExampleTable(GOLDEN / version)
            if old.info.task == "regression" or old.info.is_pool:
                continue
            row = old.read(["example_id", "label"]).to_pylist()[0]
            merge_updates(
                old, [by_person(row["example_id"], row["label"] or old.info.class_names[0])], tmp_path / version
            )
            assert ExampleTable(tmp_path / version).num_rows == old.num_rows

    def test_a_strict_merge_names_the_first_update_that_cannot_be_merged(self, table, tmp_path):
        with pytest.raises(ContractError, match="'nobody'; 1 more cannot be merged either"):
            merge_updates(table, [by_person("nobody"), by_person("no one")], tmp_path / "new", is_strict=True)


class TestWithdrawal:
    def test_a_withdrawn_model_withdraws_its_labels_and_no_other(self, table, pool, tmp_path):
        told = [by_model("open"), by_model("p1"), by_model("p2", version="v2"), by_person("p3")]
        merge_updates(table, told, tmp_path / "one", pool=pool)
        one = ExampleTable(tmp_path / "one")

        found = withdraw_labels(one, "v1", tmp_path / "two", pool=pool)

        two = ExampleTable(tmp_path / "two")
        rows = table_rows(two)
        assert (found.num_removed, found.num_unlabelled) == (1, 1)
        assert "p1" not in rows
        assert (rows["open"]["label"], rows["open"]["label_source"], rows["open"]["label_model"]) == (None, None, None)
        assert rows["p2"]["label_model"] == "v2"
        assert rows["p3"]["label"] == "pos"
        assert [change.kind for change in two.info.lineage] == ["labels", "withdrawal"]
        assert two.info.lineage[1].parent == table_fingerprint(one)

        again = withdraw_labels(two, "v1", tmp_path / "three", pool=pool)
        assert not again.is_new
        assert table_fingerprint(ExampleTable(tmp_path / "three")) == table_fingerprint(two)

    def test_without_a_pool_its_rows_stay_unlabelled(self, table, pool, tmp_path):
        merge_updates(table, [by_model("p1")], tmp_path / "one", pool=pool)

        withdraw_labels(ExampleTable(tmp_path / "one"), "v1", tmp_path / "two")

        assert table_rows(ExampleTable(tmp_path / "two"))["p1"]["label"] is None

    def test_labels_of_a_withdrawn_model_are_not_merged_again(self, table, pool, tmp_path):
        merge_updates(table, [by_model("p1")], tmp_path / "one", pool=pool)
        withdraw_labels(ExampleTable(tmp_path / "one"), "v1", tmp_path / "two", pool=pool)

        merged = merge_updates(
            ExampleTable(tmp_path / "two"), [by_model("p1"), by_model("p2")], tmp_path / "three", pool=pool
        )

        assert {item.kind for item in merged.refused} == {"withdrawn"}
        assert not merged.is_new

    def test_a_model_that_labelled_nothing_is_named_with_those_that_did(self, table, pool, tmp_path):
        with pytest.raises(ContractError, match="but no model did, got 'v9'"):
            withdraw_labels(table, "v9", tmp_path / "none")
        merge_updates(table, [by_model("p1")], tmp_path / "one", pool=pool)
        with pytest.raises(ContractError, match="one of v1, got 'v9'"):
            withdraw_labels(ExampleTable(tmp_path / "one"), "v9", tmp_path / "none")
