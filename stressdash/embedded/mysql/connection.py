"""One client: handshake, password, and the command loop, with mysql-mimic's packets.

The library's own flow lets a client with a wrong password go on, knows no limit after the handshake, and
offers prepared statements that do not escape; so the flow is here; packets and result sets are the library's.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from typing import Any, Protocol

from mysql_mimic import packets
from mysql_mimic.auth import AuthInfo, AuthState, IdentityProvider, NativePasswordAuthPlugin, User
from mysql_mimic.connection import Connection
from mysql_mimic.errors import MysqlError
from mysql_mimic.stream import ConnectionClosed, MysqlStream
from mysql_mimic.types import Commands, ServerStatus

from stressdash.embedded.mysql.faults import SqlFault
from stressdash.embedded.mysql.inserts import Insert, recognise
from stressdash.embedded.mysql.session import ClientSession
from stressdash.embedded.mysql.status import Status

__all__ = ["ClientConnection", "Passwords", "Place", "Room"]

NATIVE = NativePasswordAuthPlugin.name
HANDSHAKE_S = 10
QUIT = bytes([Commands.COM_QUIT])
GONE = (ConnectionClosed, ConnectionError, EOFError)
"""What a client that hung up looks like."""
MALFORMED = (struct.error, LookupError, ValueError, AssertionError)
"""What the library raises for packets that are none."""


class Native(NativePasswordAuthPlugin):  # type: ignore[misc]  # the library has no types
    """Password check by scramble, with a nonce that is cheap to make: hundreds of clients connect at once."""

    async def auth(self, auth_info: AuthInfo | None = None) -> AuthState:
        """Offer the nonce of the handshake; `ClientConnection` makes the decision."""
        del auth_info
        yield secrets.token_hex(10).encode() + b"\0"


class Passwords(IdentityProvider):  # type: ignore[misc]  # the library has no types
    """Users and their passwords."""

    def __init__(self, passwords: dict[str, str]) -> None:
        self._strings = {
            name: NativePasswordAuthPlugin.create_auth_string(word) for name, word in passwords.items()
        }
        self._native = Native()

    def get_plugins(self) -> list[Native]:
        """The one way to authenticate."""
        return [self._native]

    def right(self, username: str, scramble: bytes, nonce: bytes) -> bool:
        """Whether the scramble proves that the client knows the user's password."""
        user = User(name=username, auth_string=self._strings.get(username, ""))
        return (
            username in self._strings
            and bool(scramble)
            and self._native.password_matches(user, scramble, nonce)
        )


class Place(Protocol):
    """What a connection needs of its socket's place in the server."""

    number: int

    def wait_for_command(self) -> None:
        """Told each time the connection begins to wait for a command."""
        ...

    def may_stay(self, username: str) -> bool:
        """Whether this user, now authenticated, fits under the limit."""
        ...


class Room(Protocol):
    """What a connection needs of its server."""

    status: Status

    async def insert(self, insert: Insert) -> int | None:
        """Store an insert and return its row count once durable; None when its table is not known."""
        ...


class ClientConnection(Connection):  # type: ignore[misc]  # the library has no types
    """The server's side of one connection.

    Args:
        stream: packets to and from the client.
        session: the client's SQL session.
        passwords: who may come in.
        room: the server.
        place: the socket's place in it.
    """

    def __init__(
        self,
        stream: MysqlStream,
        session: ClientSession,
        passwords: Passwords,
        room: Room,
        place: Place,
    ) -> None:
        super().__init__(stream=stream, session=session, control=room, identity_provider=passwords)
        self.connection_id = place.number
        self.status_flags = ServerStatus.SERVER_STATUS_AUTOCOMMIT
        self._room = room
        self._place = place
        self._commands = {
            Commands.COM_QUERY: self.handle_query,
            Commands.COM_PING: self.handle_ping,
            Commands.COM_INIT_DB: self.handle_init_db,
            Commands.COM_RESET_CONNECTION: self.handle_reset_connection,
        }

    async def run(self) -> None:
        """Serve the client until it leaves."""
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await self.connection_phase()
        except MysqlError as fault:
            self._room.status.aborted_connects += 1
            await self.stream.write(self.error(msg=fault.msg, code=fault.code))
            return
        except (*GONE, *MALFORMED, TimeoutError):
            self._room.status.aborted_connects += 1
            return
        await self.session.init(self)
        try:
            await self.command_phase()
        except GONE:
            self._room.status.aborted_clients += 1
        except (MysqlError, *MALFORMED):
            self._room.status.aborted_clients += 1
            await self.stream.write(self.error(msg="Malformed communication packet", code=1835))
        finally:
            await self.session.close()

    async def authenticate(
        self, *, username: str, auth_response: bytes, client_plugin_name: str | None, **_: Any
    ) -> None:
        """Check password, limit and database, in MySQL's order, and say so to the client.

        Raises:
            SqlFault: 1045, 1040 or 1049; the connection ends.
        """
        scramble = auth_response
        nonce = self.handshake_auth_data
        if client_plugin_name not in (None, "", NATIVE):
            switch = packets.make_auth_switch_request(
                server_charset=self.server_charset, plugin_name=NATIVE, plugin_provided_data=nonce
            )
            await self.stream.write(switch)
            scramble = await self.stream.read()
        if not self.identity_provider.right(username, scramble, nonce.rstrip(b"\0")):
            using = "YES" if scramble else "NO"
            raise SqlFault(1045, f"Access denied for user '{username}'@'localhost' (using password: {using})")
        if not self._place.may_stay(username):
            raise SqlFault(1040, "Too many connections")
        if self.session.database:
            await self.session.use(self.session.database)
        self.session.username = username
        await self.stream.write(self.ok())

    async def command_phase(self) -> None:
        """Answer commands until the client says goodbye."""
        while True:
            self._place.wait_for_command()
            data = await self.stream.read()
            if data[:1] == QUIT:
                return
            self._room.status.threads_running += 1
            try:
                await self._command(data)
            finally:
                self._room.status.threads_running -= 1
                self.stream.reset_seq()

    async def _command(self, data: bytes) -> None:
        handler = self._commands.get(data[0], self._refuse) if data else self._refuse
        try:
            await handler(data[1:])
        except MysqlError as fault:
            await self.stream.write(self.error(msg=fault.msg, code=fault.code))
        except GONE:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the parser trips over, the client gets an answer
            await self.stream.write(self.error(msg=f"{type(error).__name__}: {error}", code=1105))

    async def _refuse(self, _data: bytes) -> None:
        raise SqlFault(1047, "This server knows neither prepared statements nor this command")

    async def handle_query(self, data: bytes) -> None:
        """Run one statement; inserts of literals go past the parser."""
        self._room.status.questions += 1
        query = packets.parse_com_query(
            capabilities=self.capabilities, client_charset=self.client_charset, data=data
        )
        insert = recognise(query.sql.encode())
        changed = await self._room.insert(insert) if insert is not None else None
        if changed is not None:
            await self.stream.write(self.ok(affected_rows=changed))
            return
        result = await self.query(query.sql, query.query_attrs)
        if result:
            await self.write_text_resultset(result)
        else:
            warnings = len(self.session.warnings)
            await self.stream.write(self.ok(affected_rows=self.session.affected_rows, warnings=warnings))

    def error(self, *, msg: object = "", code: int = 1105) -> bytes:
        """Payload of an error packet."""
        return SqlFault(int(code), str(msg)).packet()
