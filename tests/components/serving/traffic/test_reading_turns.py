import asyncio

from components.serving.traffic.reading_turns import ReadingTurns


def test_few_go_on_at_once():
    async def scenario() -> list[int]:
        turns, gone_on = ReadingTurns(reads_a_round=2), []

        async def reader(number: int) -> None:
            await turns.turn()
            gone_on.append(number)

        for number in range(2):
            await reader(number)
        return gone_on

    assert asyncio.run(scenario()) == [0, 1]


def test_a_round_lets_so_many_go_on_in_the_order_in_which_they_came():
    async def scenario() -> list[list[int]]:
        turns, rounds = ReadingTurns(reads_a_round=2), []

        async def reader(number: int) -> None:
            await turns.turn()
            rounds[-1].append(number)

        readers = [asyncio.ensure_future(reader(number)) for number in range(5)]
        while not all(one.done() for one in readers):
            rounds.append([])
            await asyncio.sleep(0)
        return rounds

    rounds = asyncio.run(scenario())
    assert [number for going_on in rounds for number in going_on] == [0, 1, 2, 3, 4]
    assert max(map(len, rounds)) == 2


def test_a_reader_that_is_cancelled_takes_nobodys_turn():
    async def scenario() -> None:
        turns = ReadingTurns(reads_a_round=1)
        await turns.turn()
        readers = [asyncio.ensure_future(turns.turn()) for _ in range(3)]
        await asyncio.sleep(0)
        readers[1].cancel()
        await asyncio.wait_for(asyncio.gather(readers[0], readers[2]), 10)
        assert readers[1].cancelled()

    asyncio.run(scenario())


def test_rounds_end_where_nobody_reads():
    async def scenario() -> None:
        turns = ReadingTurns(reads_a_round=1)
        await asyncio.gather(*(turns.turn() for _ in range(3)))
        for _ in range(3):
            await asyncio.sleep(0)
        assert turns.is_idle
        await turns.turn()
        assert not turns.is_idle

    asyncio.run(scenario())
