from hypothesis import given
from hypothesis import strategies as st

from components.serving.traffic.batch_plan import MAX_PADDED_VALUES, planned_rows, WaitingRows

WAITING = st.lists(
    st.builds(WaitingRows, num_rows=st.integers(1, 10_000), length=st.integers(1, 2_000_000)), min_size=1, max_size=80
)


def rows_of(*counts: int, **options) -> list[int]:
    return planned_rows([WaitingRows(num_rows=count) for count in counts], **options)


def test_small_requests_are_computed_together():
    assert rows_of(1, 1, 3) == [1, 1, 3]


def test_a_large_request_takes_what_the_small_ones_leave():
    assert rows_of(10_000, 1, 2) == [61, 1, 2]
    assert rows_of(10_000, 10_000) == [32, 32]


def test_who_came_first_is_in_every_batch():
    assert rows_of(*[1] * 100) == [1] * 64 + [0] * 36
    assert rows_of(5, 5, max_rows=1) == [1, 0]


def test_a_long_text_is_not_paid_for_by_short_ones():
    short, long = WaitingRows(num_rows=10, length=50), WaitingRows(num_rows=10, length=100_000)

    assert planned_rows([short, long, short]) == [10, 0, 10]
    assert planned_rows([long, short]) == [10, 0]


@given(WAITING, st.integers(1, 64))
def test_a_batch_keeps_its_bounds(waiting, max_rows):
    rows = planned_rows(waiting, max_rows=max_rows)

    assert rows[0] >= 1
    assert all(0 <= num <= one.num_rows for num, one in zip(rows, waiting, strict=True))
    assert sum(rows) <= max_rows
    length = max(one.length for num, one in zip(rows, waiting, strict=True) if num)
    assert sum(rows) == 1 or sum(rows) * length <= MAX_PADDED_VALUES
