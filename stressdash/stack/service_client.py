"""The service as the dashboard steers it: readiness, status and knobs over its admin endpoint."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from stressdash.errors import BadInput, KnobRejected, StackError
from stressdash.samples import ServiceStatus
from stressdash.text import escape
from stressdash.wire import from_json

__all__ = ["ServiceClient"]

ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class _Problem:
    """The form of the service's refusals."""

    error: str = ""
    reason: str = ""


class ServiceClient:
    """One service at one address.

    Args:
        url: its base URL.
        token: bearer token of its admin endpoint.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S), connector=aiohttp.TCPConnector(limit=4)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def obstacle(self) -> str:
        """Why the service cannot take requests, in its own words; empty when it can."""
        status, body = await self._call("GET", "/readyz")
        return "" if status == 200 else _words(status, body)

    async def status(self) -> ServiceStatus:
        """Pool, knobs and counts.

        Raises:
            StackError: the service does not answer, or not as it should.
        """
        status, body = await self._call("GET", "/admin/status")
        return self._status(status, body)

    async def turn(self, name: str, value: str) -> ServiceStatus:
        """Set a knob and return the status after it.

        Raises:
            KnobRejected: with the service's words.
            StackError: the service does not answer.
        """
        status, body = await self._call("PATCH", "/admin/knobs", {name: value})
        if status == 422:
            raise KnobRejected(f"the service does not take {name} = {value}: {_words(status, body)}")
        return self._status(status, body)

    def _status(self, status: int, body: bytes) -> ServiceStatus:
        if status != 200:
            raise StackError(f"the service at {self.url} refuses to tell its status: {_words(status, body)}")
        try:
            return from_json(body, ServiceStatus)
        except BadInput as error:
            raise StackError(
                f"the service at {self.url} tells a status that cannot be read: {error}"
            ) from error

    async def _call(self, method: str, path: str, document: object = None) -> tuple[int, bytes]:
        try:
            async with self._session.request(
                method, self.url + path, json=document, headers=self._headers, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except TimeoutError as error:
            raise StackError(f"the service at {self.url} did not answer within {ANSWER_S:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise StackError(
                f"the service at {self.url} cannot be reached: {escape(str(error), 200)}"
            ) from error


def _words(status: int, body: bytes) -> str:
    try:
        problem = from_json(body, _Problem)
    except BadInput:
        return f"HTTP {status}"
    return escape(problem.error or problem.reason, 300) or f"HTTP {status}"
