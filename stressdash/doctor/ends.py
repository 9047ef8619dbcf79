"""The ends that were given: target, database, Elasticsearch; and the agent in the service.

Credentials come from the environment and are shown nowhere: addresses are printed without them.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Iterator, Mapping

from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.doctor.finding import Finding, Level
from stressdash.errors import BadInput, StressdashError
from stressdash.samples import ComponentState
from stressdash.stack.backend import Addresses
from stressdash.stack.database import Database, Dsn
from stressdash.stack.external import ExternalStack

__all__ = ["check_agent", "check_database", "check_elasticsearch", "check_target"]


def check_agent() -> Iterator[Finding]:
    """The agent that the service of the embedded and the process backend runs with."""
    try:
        version = importlib.metadata.version("elastic-apm")
    except importlib.metadata.PackageNotFoundError:
        remedy = "install stressdash again; without it the service reports nothing to APM"
        yield Finding("agent", Level.BAD, "elastic-apm is not installed", remedy)
        return
    yield Finding("agent", Level.OK, f"elastic-apm {version}, in the service of embedded and process")


async def check_target(url: str) -> AsyncIterator[Finding]:
    """Whether the target listens."""
    stack = ExternalStack(Addresses(url))
    (service, *_) = await stack.components()
    address = service.endpoints.get("address", "")
    if service.state is ComponentState.RUNNING:
        yield Finding("target", Level.OK, service.detail or f"{address} listens")
    else:
        yield Finding("target", Level.BAD, service.detail, "start it, or correct --target")


async def check_database(dsn: str) -> AsyncIterator[Finding]:
    """Whether the database lets us in, and what it is."""
    database = Database(dsn)
    try:
        version = await database.variable("version")
        status = await database.status()
    except StressdashError as error:
        remedy = "correct the DSN in the variable that --dsn names; the account needs no more than to log in"
        yield Finding("dsn", Level.BAD, str(error), remedy)
    else:
        used = f"{status.threads_connected} of {status.max_connections} connections used"
        yield Finding("dsn", Level.OK, f"{Dsn.parse(dsn).address} is {version}, {used}")
    finally:
        await database.close()


async def check_elasticsearch(url: str, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Whether Elasticsearch answers with the credentials of the environment, and what it holds."""
    remedy = "correct --elasticsearch, or its credentials: --es-api-key, or --es-user and --es-password"
    try:
        source = ElasticSource(Connection.of(url, environ))
    except BadInput as error:
        yield Finding("elasticsearch", Level.BAD, str(error), remedy)
        return
    try:
        health = await source.health()
    finally:
        await source.aclose()
    if not health.ok:
        yield Finding("elasticsearch", Level.BAD, health.detail, remedy)
        return
    if health.detail:
        yield Finding("elasticsearch", Level.BAD, f"{health.product}: {health.detail}", remedy)
        return
    held = f"{health.documents:,} transactions" if health.documents else "no transactions yet"
    yield Finding("elasticsearch", Level.OK, f"{health.product}, {held}")
