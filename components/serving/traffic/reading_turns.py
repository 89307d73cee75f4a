"""Who reads next: large bodies come in turns, a few chunks a round of the event loop.

Without it a round reads a chunk of every body that has come, 50 MB of 200 clients, before it takes a new connection.
"""

import asyncio
from collections import deque

# What of a body is read before it waits for turns; also about what a turn reads at least.
FREE_BYTES = 64 * 1024
_READS_A_ROUND = 8


class ReadingTurns:
    """Lets a few coroutines go on in each round of the event loop, first come, first served."""

    def __init__(self, reads_a_round: int = _READS_A_ROUND) -> None:
        self._reads_a_round, self._left = reads_a_round, reads_a_round
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._round: asyncio.Handle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no round is to come: nothing is called while nobody reads."""
        return self._round is None

    async def turn(self) -> None:
        """Wait for a turn; at once where few read."""
        loop = asyncio.get_running_loop()
        if self._round is None:
            self._round = loop.call_soon(self._begin_round)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _begin_round(self) -> None:
        self._round, self._left = None, self._reads_a_round
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():  # its request may have been cancelled
                turn.set_result(None)
                self._left -= 1
        if self._waiting or self._left < self._reads_a_round:
            self._round = asyncio.get_running_loop().call_soon(self._begin_round)
