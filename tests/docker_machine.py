"""What tests with real containers share: whether this machine has Docker, what a project has left there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import docker
import pytest
from docker.errors import DockerException
from docker.models.containers import Container

REQUIRED = "docker" in os.environ.get("STRESSDASH_REQUIRE", "")
IMAGES = ("DB_IMAGE", "BASE_IMAGE")
NOT_THERE = "localhost:1/not-there"
"""An image that nobody has, on a registry that refuses at once."""


def require_docker() -> None:
    """Skip with the reason where containers cannot be tested; fail where they are required."""
    if (lacking := _lacking()) and REQUIRED:
        pytest.fail(lacking)
    if lacking:
        pytest.skip(lacking)


def _lacking() -> str:
    if unnamed := [name for name in IMAGES if name not in os.environ]:
        return f"{' and '.join(unnamed)} name no local images; .ci/docker makes some"
    try:
        with client():
            return ""
    except DockerException as error:
        return f"Docker cannot be used here: {error}"


@contextmanager
def client() -> Iterator[docker.DockerClient]:
    """Docker as the tests see it, apart from the program's own way to it."""
    with closing(docker.from_env(timeout=60)) as opened:
        yield opened


def remains(project: str) -> list[str]:
    """Containers, networks and volumes of a project."""
    filters: Any = {"label": f"com.docker.compose.project={project}"}
    with client() as opened:
        return [
            *(one.name for one in opened.containers.list(all=True, filters=filters)),
            *(one.name for one in opened.networks.list(filters=filters)),
            *(one.name for one in opened.volumes.list(filters=filters)),
        ]


def container_of(opened: docker.DockerClient, project: str, service: str) -> Container:
    """The container of a compose service."""
    labels = [f"com.docker.compose.project={project}", f"com.docker.compose.service={service}"]
    (found,) = opened.containers.list(all=True, filters={"label": labels})
    return found


def clear(project: str) -> None:
    """Remove all that a project has left."""
    filters: Any = {"label": f"com.docker.compose.project={project}"}
    with client() as opened:
        for container in opened.containers.list(all=True, filters=filters):
            container.remove(force=True, v=True)
        for network in opened.networks.list(filters=filters):
            network.remove()
        for volume in opened.volumes.list(filters=filters):
            volume.remove()
