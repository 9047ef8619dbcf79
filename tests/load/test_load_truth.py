"""The books against a ledger: a server that keeps count agrees with the engine, whatever is done."""

from __future__ import annotations

import asyncio
import random
import socket
import struct

import pytest
from load_harness import OK, MakeFleet, Received, Serve, Server, make_plan, until

from stressdash.load.fleet import Fleet
from stressdash.load.trace import parse_trace_id
from stressdash.samples import Outcome

ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nnope"


class LedgerServer:
    """Answers each request number in one of seven ways, and remembers which."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.answered: dict[int, int] = {}
        """Request number to the status that was written in full."""
        self.broken: set[int] = set()
        self.traces: dict[int, str] = {}

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        number = request.id
        assert number not in self.traces, "a request was sent twice"
        self.traces[number] = request.headers["traceparent"]
        way = self.draw.random()
        if way < 0.1:
            await asyncio.sleep(0.02)
        if way < 0.7:
            self.answered[number] = 200
            writer.write(OK)
            return True
        if way < 0.85:
            self.answered[number] = 500
            writer.write(ERROR)
            return True
        self.broken.add(number)
        if way < 0.9:
            writer.write(OK[:20])
        elif way < 0.95:
            writer.write(b"garbage\r\n")
        else:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


async def disturb(fleet: Fleet, server: Server, draw: random.Random) -> None:
    """Random live changes, each after some more requests were served."""
    for _ in range(12):
        seen = len(server.received)
        await until(lambda: len(server.received) >= seen + draw.randrange(40))  # noqa: B023
        match draw.randrange(4):
            case 0:
                await fleet.pause()
                await asyncio.sleep(0)
                await fleet.resume()
            case 1:
                await fleet.new_segment()
            case _:
                await fleet.set_connections(draw.randint(2, 40))


@pytest.mark.parametrize("mode", ["drain", "abort"])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_engine_and_server_agree_on_every_request_under_live_changes(
    serve: Serve, make_fleet: MakeFleet, seed: int, mode: str
) -> None:
    server_ledger = LedgerServer(seed)
    server = await serve(server_ledger)
    fleet, totals = make_fleet(make_plan(server.url, max_requests=None, workers=2, connections=10))
    await fleet.start()
    await disturb(fleet, server, random.Random(seed))
    await fleet.stop(mode)
    await fleet.wait()

    totals.check_books()
    ledger = fleet.ledger
    assert ledger is not None
    counts = ledger.counts
    assert counts[Outcome.IN_FLIGHT] == 0
    assert counts[Outcome.ACKNOWLEDGED] == totals.completed
    assert totals.responses == counts[Outcome.ACKNOWLEDGED] + counts[Outcome.REJECTED]
    assert totals.sent == sum(counts.values()) - counts[Outcome.NOT_SENT]
    hung_up = totals.in_flight_at_stop
    assert (
        totals.failed
        == counts[Outcome.REJECTED] + counts[Outcome.DROPPED] - hung_up + counts[Outcome.NOT_SENT]
    )
    assert hung_up == 0 or mode == "abort"

    acknowledged = set(ledger.numbers(Outcome.ACKNOWLEDGED))
    rejected = set(ledger.numbers(Outcome.REJECTED))
    dropped = set(ledger.numbers(Outcome.DROPPED))
    assert acknowledged <= {number for number, status in server_ledger.answered.items() if status == 200}
    assert rejected <= {number for number, status in server_ledger.answered.items() if status == 500}
    assert len(server_ledger.answered) - len(acknowledged) - len(rejected) <= hung_up
    assert server_ledger.broken <= dropped
    assert all(ledger.outcome(number) is Outcome.DROPPED for number in dropped)
    for number, header in server_ledger.traces.items():
        identity = parse_trace_id(header.split("-")[1])
        assert identity == (7, (number - 1) % 2, number)
