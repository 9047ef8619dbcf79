"""What the parts of intake v2 must look like that several kinds of events share, and the metadata.

See `shapes`. Fields that Elastic's specification leaves open are `object`.
"""

from __future__ import annotations

from dataclasses import dataclass

from stressdash.wire import Keyword, ServiceName

__all__ = ["Context", "Metadata", "Response", "Scalar", "StackFrame", "Tags"]

Tags = dict[str, str | bool | int | float | None]
Headers = dict[str, str | list[str]]
Scalar = str | int


@dataclass(slots=True)
class NamedVersion:
    """A runtime, language or framework."""

    name: Keyword | None = None
    version: Keyword | None = None


@dataclass(slots=True)
class Node:
    """One instance of a service."""

    name: Keyword | None = None
    configured_name: Keyword | None = None


@dataclass(slots=True)
class Agent:
    """Who sends."""

    name: Keyword
    version: Keyword
    activation_method: Keyword | None = None
    ephemeral_id: Keyword | None = None


@dataclass(slots=True)
class Service:
    """For whom it sends."""

    name: ServiceName
    agent: Agent
    version: Keyword | None = None
    environment: Keyword | None = None
    language: NamedVersion | None = None
    runtime: NamedVersion | None = None
    framework: NamedVersion | None = None
    node: Node | None = None


@dataclass(slots=True)
class Process:
    """The service's process."""

    pid: int
    ppid: int | None = None
    title: Keyword | None = None
    argv: list[str] | None = None


@dataclass(slots=True)
class Identified:
    """A container, or anything else that has but an id."""

    id: Keyword | None = None


@dataclass(slots=True)
class System:
    """The service's machine."""

    architecture: Keyword | None = None
    configured_hostname: Keyword | None = None
    detected_hostname: Keyword | None = None
    hostname: Keyword | None = None
    platform: Keyword | None = None
    container: Identified | None = None


@dataclass(slots=True)
class User:
    """Who used the service."""

    id: Scalar | None = None
    username: Keyword | None = None
    email: Keyword | None = None
    domain: Keyword | None = None


@dataclass(slots=True)
class Metadata:
    """What holds for all events of one request."""

    service: Service
    process: Process | None = None
    system: System | None = None
    labels: Tags | None = None
    user: User | None = None
    cloud: dict[str, object] | None = None
    network: dict[str, object] | None = None


@dataclass(slots=True)
class StackFrame:
    """One frame; the raise site is the last of a stack that the Python agent sends."""

    filename: str | None = None
    classname: str | None = None
    abs_path: str | None = None
    module: str | None = None
    function: str | None = None
    lineno: int | None = None
    colno: int | None = None
    library_frame: bool | None = None
    context_line: str | None = None
    pre_context: list[str] | None = None
    post_context: list[str] | None = None
    vars: dict[str, object] | None = None

    def __post_init__(self) -> None:
        if self.filename is None and self.classname is None:
            raise ValueError("requires at least one of the fields 'classname;filename'")


@dataclass(slots=True)
class Socket:
    """The peer of an HTTP request."""

    remote_address: str | None = None
    encrypted: bool | None = None


@dataclass(slots=True)
class RequestUrl:
    """The URL of an incoming request, in parts."""

    full: Keyword | None = None
    protocol: Keyword | None = None
    hostname: Keyword | None = None
    pathname: Keyword | None = None
    port: Scalar | None = None
    search: Keyword | None = None
    hash: Keyword | None = None
    raw: Keyword | None = None


@dataclass(slots=True)
class Request:
    """An incoming HTTP request."""

    method: Keyword
    socket: Socket | None = None
    url: RequestUrl | None = None
    headers: Headers | None = None
    cookies: dict[str, object] | None = None
    env: dict[str, object] | None = None
    http_version: Keyword | None = None
    body: object = None


@dataclass(slots=True)
class Response:
    """The answer to an HTTP request."""

    status_code: int | None = None
    headers: Headers | None = None
    finished: bool | None = None
    headers_sent: bool | None = None
    transfer_size: int | None = None
    encoded_body_size: int | None = None
    decoded_body_size: int | None = None


@dataclass(slots=True)
class Context:
    """Circumstances of a transaction or an error."""

    request: Request | None = None
    response: Response | None = None
    tags: Tags | None = None
    user: User | None = None
    custom: dict[str, object] | None = None
