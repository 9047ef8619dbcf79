"""What is kept of a compose project outside Docker: variables, ports, and who brought it up."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stressdash.errors import StackError
from stressdash.stack.docker_project import PARTS, Owner, Project
from stressdash.stack.folder import Secrets, StateFolder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = StateFolder(tmp_path)
    folder.make()
    return Project(folder)


def variables(project: Project) -> dict[str, str]:
    return dict(line.split("=", 1) for line in project.variables.read_text().splitlines())


class TestName:
    def test_is_that_of_the_folder(self, tmp_path: Path) -> None:
        here, there = StateFolder(tmp_path / "a"), StateFolder(tmp_path / "b")
        assert Project(here).name == Project(here).name != Project(there).name


class TestVariables:
    def test_are_for_the_owners_eyes_only(self, project: Project) -> None:
        project.prepare(Secrets.fresh(), renew_ports=True)
        assert stat.S_IMODE(project.variables.stat().st_mode) == 0o600

    def test_hold_passwords_and_a_free_port_for_each_part(self, project: Project) -> None:
        secrets = Secrets.fresh()
        project.prepare(secrets, renew_ports=True)
        values = variables(project)
        assert values["DB_PASSWORD"] == secrets.database
        words = [value for name, value in values.items() if name.endswith(("PASSWORD", "TOKEN"))]
        assert len(words) == len(set(words)) == 6
        assert len({values[part.port_variable] for part in PARTS.values()}) == len(PARTS)

    def test_stay_the_same(self, project: Project) -> None:
        secrets = Secrets.fresh()
        project.prepare(secrets, renew_ports=True)
        before = variables(project)
        assert project.prepare(secrets, renew_ports=True) == []
        assert variables(project) == before

    def test_a_port_that_somebody_took_meanwhile_is_chosen_anew_and_told(self, project: Project) -> None:
        secrets = Secrets.fresh()
        project.prepare(secrets, renew_ports=True)
        port = int(variables(project)["DB_PORT"])
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            assert project.prepare(secrets, renew_ports=False) == [], "a container of ours may hold it"
            (sentence,) = project.prepare(secrets, renew_ports=True)
        new = variables(project)["DB_PORT"]
        assert sentence == f"port {port} of the database is taken by another program: it gets {new}"
        assert int(new) != port

    def test_that_are_damaged_are_told_with_the_remedy(self, project: Project) -> None:
        project.variables.write_text("DB_PORT=soon\n")
        with pytest.raises(StackError, match=r"docker\.env is damaged: DB_PORT is no port; remove that file"):
            project.prepare(Secrets.fresh(), renew_ports=True)


class TestFiles:
    def test_the_users_override_comes_after_the_compose_file(
        self, project: Project, own_folders: None
    ) -> None:
        from stressdash.paths import config_dir

        assert [path.name for path in project.files] == ["docker-compose.yml"]
        config_dir().mkdir(parents=True)
        (config_dir() / "docker-compose.override.yml").touch()
        assert [path.name for path in project.files] == ["docker-compose.yml", "docker-compose.override.yml"]


class TestOwner:
    def test_is_unknown_at_first(self, project: Project) -> None:
        assert project.owner() is None

    def test_is_who_recorded_itself_until_nobody_is(self, project: Project) -> None:
        project.own(Owner.me())
        assert project.owner() == Owner.me()
        project.own(None)
        assert project.owner() is None

    def test_is_me_unless_it_was_to_be_kept(self) -> None:
        assert Owner.me().is_me
        assert not Owner.me(kept=True).is_me
        assert not Owner(1, started_s=1.0).is_me

    def test_lives_while_its_process_does(self) -> None:
        assert Owner.me().lives
        assert not Owner(psutil.Process().pid, started_s=1.0).lives, "another process had this number"
        assert not Owner(2**22 + 1, started_s=1.0).lives

    @pytest.mark.parametrize("spoil", [lambda file: file.write_text("{"), lambda file: file.write_text("[]")])
    def test_whose_record_is_damaged_is_unknown(
        self, project: Project, tmp_path: Path, spoil: Callable[[Path], object]
    ) -> None:
        spoil(tmp_path / "docker-owner.json")
        assert project.owner() is None
