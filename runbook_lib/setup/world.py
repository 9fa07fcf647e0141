"""What setting up asks and changes outside of itself: sign-in, DNS, domain controllers, files of one folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence, require_recent
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.bind import address_of
from runbook_lib.directory.sign_in.certificates import TlsLook, look_at_tls, require_trusted
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.dns import Resolver
from runbook_lib.errors import RunbookError
from runbook_lib.files import write_durably
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.key_vault import stores_of
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.session import CloudSession
from runbook_lib.graph.snapshot import read_tenant
from runbook_lib.graph.tenant.cloud_sync import read_cloud_sync
from runbook_lib.graph.tenant.jobs import CloudSyncJob
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.connections import addresses_of, split_server
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import absolute_paths
from runbook_lib.secrets.referenced import with_references
from runbook_lib.setup.certificate import AppCertificate, app_certificate, unwritable
from runbook_lib.setup.controllers import find_controllers
from runbook_lib.setup.tenant import KnownTenant, authorities_of, find_tenant

_IGNORE_ALL = b"# Keys, passwords and answers of one tenant: nothing here belongs into a repository.\n*\n"


class SetupWorld:
    """The real one.

    Args:
        folder: Where files of the set-up are kept; made when the first one is.
        root: What relative paths resolve against.
        environment: Environment variables.
        clock: Now, UTC.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = folder
        self.root = root
        self._environment = environment
        self._clock = clock
        self._sleep = sleep
        self._open: tuple[Parameters, Directory] | None = None
        self._jobs: tuple[CloudSyncJob, ...] | RunbookError | None = None

    def close(self) -> None:
        """Close the connection to AD, if there is one."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def find_tenant(self, text: str, parameters: Parameters) -> KnownTenant:
        """The tenant of a domain name or id."""
        parameters = absolute_paths(parameters, self.root)
        ca_file = Path(parameters.cloud_ca_file) if parameters.cloud_ca_file else None
        session = CloudSession(ca_file=ca_file, timeout=float(parameters.cloud_timeout))
        sender = Sender(session, clock=self._clock, sleep=self._sleep)
        try:
            return find_tenant(text, lambda url: sender.send("GET", url), self._authorities(parameters))
        finally:
            session.close()

    def _authorities(self, parameters: Parameters) -> tuple[str, ...]:
        chosen = addresses_of(parameters)
        own = parameters.authority_url.rstrip("/") != chosen.cloud.authority_url
        return authorities_of(parameters.authority_url if own or parameters.cloud != "global" else "")

    def app_certificate(self, key_file: Path) -> AppCertificate:
        """The app's certificate, made where it is missing."""
        if key_file.parent == self.folder:
            self._make_folder()
        return app_certificate(key_file, self._clock)

    def sign_in(self, parameters: Parameters) -> Text:
        """Sign the app in and say who answered."""
        with self._graph(parameters) as graph:
            tenant = read_tenant(graph, parameters.tenant_id)
        return t("Signed in: tenant {name}.", name=printable(tenant.display_name))

    def _environment_of(self, parameters: Parameters) -> Mapping[str, str]:
        stores = stores_of(parameters, self._environment, self.root, clock=self._clock, sleep=self._sleep)
        return with_references(parameters, stores)

    def _graph(self, parameters: Parameters) -> GraphClient:
        """A client for the tenant; its first request signs the app in."""
        return open_graph(
            absolute_paths(parameters, self.root),
            environment=self._environment_of(parameters),
            clock=self._clock,
            sleep=self._sleep,
        )

    def find_controllers(self, domain: str, parameters: Parameters) -> tuple[str, ...]:
        """Host names of the domain's controllers."""
        servers = [server for text in parameters.dns_servers if (server := split_server(text))]
        return find_controllers(domain, Resolver(servers, timeout=float(parameters.dns_timeout)))

    def look_at_tls(self, parameters: Parameters) -> TlsLook:
        """The certificates of the controller."""
        return look_at_tls(parameters.dc_host, _port(parameters), timeout=float(parameters.dc_timeout))

    def require_trusted(self, parameters: Parameters, ca_file: Path) -> None:
        """Insist that the controller is trusted with this file."""
        require_trusted(parameters.dc_host, _port(parameters), ca_file, timeout=float(parameters.dc_timeout))

    def keep(self, name: str, content: bytes, *, private: bool = False) -> Path:
        """Write a file of the folder.

        Raises:
            ServiceFailed: ``setup-unwritable``.
        """
        path = self.folder / name
        self._write(path, content, private=private)
        return path

    @contextmanager
    def tentative(self, path: Path, content: bytes) -> Iterator[None]:
        """A file for its owner alone, which stays only if the block ends well.

        Raises:
            ServiceFailed: ``setup-unwritable``.
        """
        self._write(path, content, private=True)
        try:
            yield
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def directory(self, parameters: Parameters) -> Directory:
        """A connection to AD; the same one for the same parameters."""
        if self._open is not None and _of_directory(self._open[0]) == _of_directory(parameters):
            return self._open[1]
        self.close()
        found = open_directory(
            absolute_paths(parameters, self.root),
            environment=self._environment_of(parameters),
            clock=self._clock,
            sleep=self._sleep,
        )
        self._open = (parameters, found)
        return found

    def cloud_sync_jobs(self, parameters: Parameters) -> tuple[CloudSyncJob, ...] | RunbookError:
        """Every job of Cloud Sync, read once; or why the app does not see them."""
        if self._jobs is None:
            try:
                with self._graph(parameters) as graph:
                    self._jobs = read_cloud_sync(graph).jobs
            except RunbookError as error:
                self._jobs = error
        return self._jobs

    def evidence(self, parameters: Parameters) -> ConnectEvidence | None:
        """Evidence of the Connect server, where the parameters name some that counts."""
        if not parameters.connect_evidence:
            return None
        try:
            found = read_connect_evidence(Path(absolute_paths(parameters, self.root).connect_evidence))
            require_recent(found, timedelta(hours=parameters.connect_evidence_hours), self._clock())
        except RunbookError:
            return None  # the pre-flight says what is wrong with it
        return found

    def _write(self, path: Path, content: bytes, *, private: bool) -> None:
        if path.parent == self.folder:
            self._make_folder()
        try:
            write_durably(path, content, mode=0o600 if private else None)
        except OSError as error:
            raise unwritable(path.parent, error) from None

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignored = self.folder / ".gitignore"
            if not ignored.exists():
                ignored.write_bytes(_IGNORE_ALL)
        except OSError as error:
            raise unwritable(self.folder, error) from None


def _port(parameters: Parameters) -> int:
    return address_of(parameters.dc_host, parameters).port


def _of_directory(parameters: Parameters) -> dict[str, object]:
    """What decides about the connection."""
    return {
        name: value for name, value in parameters.model_dump().items() if name.startswith(("dc_", "bind_", "kerberos_"))
    }
