import struct

import pytest

from components.serving.server.request_context import check_rows, context_columns, split_instances, split_tensors
from components.serving.server.request_rows import Tensor

NAMES = ("customer", "seen_at", "shop")


def tensor(name: str, *values, datatype="BYTES", raw=None) -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=(len(values) or 2,), data=values, raw=raw)


def test_only_keys_times_groups_slices_and_sensitive_columns_may_come_along():
    roles = {
        "customer": ("id",),
        "seen_at": ("time",),
        "region": ("feature", "slice"),
        "gender": ("pii", "sensitive"),
        "shop": ("group",),
        "fare": ("feature",),
        "label": ("label",),
    }

    assert context_columns(roles) == ("customer", "gender", "region", "seen_at", "shop")


def test_the_context_of_instances_never_reaches_the_model():
    payload = {"instances": [{"text": "a", "context": {"customer": 7, "shop": None}}, "b"]}

    kept, contexts = split_instances(payload, NAMES, inputs=("text",))

    assert kept == {"instances": [{"text": "a"}, "b"]}
    assert contexts == [{"customer": 7, "shop": None}, {}]
    assert "context" in payload["instances"][0]  # what the client sent is not changed


def test_a_request_without_context_is_left_alone():
    payload = {"instances": ["a"]}

    assert split_instances(payload, NAMES, inputs=("text",)) == (payload, None)
    assert split_instances("no request", NAMES, inputs=()) == ("no request", None)


def test_a_model_with_an_input_of_that_name_gets_it():
    payload = {"instances": [{"context": "rainy"}]}

    assert split_instances(payload, NAMES, inputs=("context",)) == (payload, None)


def test_inputs_of_v2_are_split_by_their_prefix():
    own, contexts = split_tensors(
        [
            tensor("text", "a", "b"),
            tensor("context.customer", 7, 8, datatype="INT64"),
            tensor("context.shop", b"north", "south"),
        ],
        NAMES,
    )

    assert [given.name for given in own] == ["text"]
    assert contexts == [{"customer": 7, "shop": "north"}, {"customer": 8, "shop": "south"}]


def test_binary_values_are_read():
    raw = struct.pack("<2q", 7, 8)
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (b"a", b"\xec\x83\x88"))

    _, contexts = split_tensors(
        [tensor("context.customer", datatype="INT64", raw=raw), tensor("context.shop", raw=texts)], NAMES
    )

    assert contexts == [{"customer": 7, "shop": "a"}, {"customer": 8, "shop": "새"}]


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ("a", "must be an object, got text"),
        ({"password": 1}, r"declared \(customer, seen_at, shop\), got 'password'"),
        ({"shop": [1]}, "'shop' is a list"),
        ({"shop": "a" * 1001}, "at most 1,000 characters"),
    ],
)
def test_what_nobody_declared_is_refused(context, reason):
    with pytest.raises(ValueError, match=reason):
        split_instances({"instances": [{"text": "a", "context": context}]}, NAMES, inputs=("text",))


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ([tensor("context.shop", "a"), tensor("context.customer", "a", "b")], "same number of rows"),
        ([tensor("context.shop", "a"), tensor("context.shop", "b")], "differ in name"),
        ([tensor("context.shop", raw=b"\x00\x01", datatype="FP16")], "a type of numbers"),
        ([tensor("context.shop", raw=b"\x00", datatype="INT64")], "INT64"),
        ([tensor("context.shop", raw=b"\x00\x01", datatype="COMPLEX")], "must be BYTES, a type of numbers"),
        ([tensor("context.shop", raw=struct.pack("<I", 2) + b"\xff\xff" + struct.pack("<I", 0))], "UTF-8"),
    ],
)
def test_a_spoilt_context_is_refused(tensors, reason):
    with pytest.raises(ValueError, match=reason):
        check_rows(split_tensors(tensors, NAMES)[1], 2)
