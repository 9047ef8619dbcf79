"""What the contract suites need of pytest: a marker, and nodes that live as long as a module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import elastic_documents
import elastic_node
import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "elastic: needs a real Elasticsearch, from Maven Central")


def running(name: str) -> Iterator[str]:
    """A node with the samples in it; without Java or Maven a reason to skip, unless one is required."""
    try:
        with elastic_node.node(name) as url:
            elastic_documents.load(url, seven=name == "elastic7")
            yield url
    except elastic_node.Unavailable as error:
        if elastic_node.required(name):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def elastic9() -> Iterator[str]:
    yield from running("elastic9")


@pytest.fixture(scope="module")
def elastic8() -> Iterator[str]:
    yield from running("elastic8")


@pytest.fixture(scope="module")
def elastic7() -> Iterator[str]:
    yield from running("elastic7")
