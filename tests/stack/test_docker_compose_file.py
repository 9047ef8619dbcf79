"""The compose file that ships: valid for both generations of compose, on loopback, without a secret."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stressdash.paths import bundled
from stressdash.stack.docker_project import PARTS, Project
from stressdash.stack.folder import Secrets, StateFolder

SCHEMA = Path(__file__).parent / "compose-spec" / "schema.json"
OWN_VARIABLES = {"DOCKER_HOST", "DB_IMAGE", "BASE_IMAGE", "BUILD_NETWORK"}


@pytest.fixture
def document() -> dict[str, Any]:
    """The file as YAML."""
    parsed: dict[str, Any] = yaml.safe_load(bundled("docker-compose.yml").read_text())
    return parsed


@pytest.fixture
def config(needs: Callable[[str], str], tmp_path: Path) -> dict[str, Any]:
    """What docker-compose 1.29 makes of it, with the variables that the program writes."""
    folder = StateFolder(tmp_path)
    folder.make()
    project = Project(folder)
    project.prepare(Secrets.fresh(), renew_ports=True)
    command = [needs("docker-compose"), "--file", str(bundled("docker-compose.yml"))]
    ran = subprocess.run(
        [*command, "--env-file", str(project.variables), "config"],
        env={name: value for name, value in os.environ.items() if name not in OWN_VARIABLES},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    parsed: dict[str, Any] = yaml.safe_load(ran.stdout)
    return parsed


class TestValidity:
    def test_under_the_schema_of_the_compose_specification(self, document: dict[str, Any]) -> None:
        jsonschema.validate(document, json.loads(SCHEMA.read_text()))

    def test_under_docker_compose_1_29(self, config: dict[str, Any]) -> None:
        assert {part.service for part in PARTS.values()} <= set(config["services"])

    def test_a_slip_of_the_pen_would_be_found(self, document: dict[str, Any]) -> None:
        document["services"]["db"]["imagee"] = "x"
        with pytest.raises(jsonschema.ValidationError, match="imagee"):
            jsonschema.validate(document, json.loads(SCHEMA.read_text()))


class TestSafety:
    def test_every_port_is_published_on_loopback_alone(self, document: dict[str, Any]) -> None:
        ports = [port for service in document["services"].values() for port in service.get("ports", ())]
        assert len(ports) >= len(PARTS)
        assert all(port.startswith("127.0.0.1:${") for port in ports)

    def test_passwords_have_no_default(self, document: dict[str, Any]) -> None:
        text = json.dumps(document)
        secrets = set(re.findall(r"\$\{(\w*(?:PASSWORD|TOKEN))\b(?!:\?)", text.replace("$${", "")))
        assert secrets == set()

    def test_passwords_stay_out_of_command_lines(self, config: dict[str, Any], tmp_path: Path) -> None:
        lines = (tmp_path / "docker.env").read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines)
        secrets = [value for name, value in values.items() if name.endswith(("PASSWORD", "TOKEN"))]
        assert secrets
        for service in config["services"].values():
            words = json.dumps(
                [service.get("command"), service.get("entrypoint"), service.get("healthcheck")]
            )
            assert not [secret for secret in secrets if secret in words]

    def test_elastics_memory_is_bounded(self, document: dict[str, Any]) -> None:
        elastic = [name for name in document["services"] if name not in ("db", "stats")]
        assert all("mem_limit" in document["services"][name] for name in elastic)


class TestChoice:
    def test_every_image_can_be_another(self, document: dict[str, Any]) -> None:
        assert all("${" in service["image"] for service in document["services"].values())
        for part in PARTS.values():
            assert f"${{{part.image_variable}:-" in json.dumps(document["services"][part.service])

    def test_kibana_comes_only_when_it_is_asked_for(self, document: dict[str, Any]) -> None:
        asked = {name for name, service in document["services"].items() if "profiles" in service}
        assert asked == {"kibana"}

    def test_what_apm_stores_can_be_found_within_a_second(self, document: dict[str, Any]) -> None:
        (setup,) = document["services"]["elastic-setup"]["command"]
        for template in ("traces-apm", "logs-apm.error", "metrics-apm.internal"):
            assert template in setup
        assert '"index.refresh_interval": "200ms"' in setup
        assert "output.elasticsearch.flush_interval=200ms" in document["services"]["apm-server"]["command"]
