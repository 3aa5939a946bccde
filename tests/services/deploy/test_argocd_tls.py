"""Argo CD's certificate: checked against the authorities that are given, and the token goes to nobody else."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.argocd.applications import Controller
from oneshot_dagster.local.argocd.server import Fault, Server
from oneshot_dagster.local.argocd.sources import Sources
from oneshot_dagster.services.deploy.argocd_api import ArgoCD, Refused


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """One of its own authority, for that address; the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "argocd")])
    began = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{address}.pem", folder / f"{address}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def serving(folder: Path, address: str) -> Iterator[tuple[str, Path, Server]]:
    certified, key = certificate(folder, address)
    (folder / "nothing").write_text("")
    server = Server(0, Controller(Sources(folder / "home", folder / "nothing")), "a-token")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}", certified, server
    server.shutdown()
    server.server_close()


@pytest.fixture
def known(tmp_path: Path) -> Iterator[tuple[str, Path, Server]]:
    yield from serving(tmp_path, "127.0.0.1")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, Path, Server]]:
    yield from serving(tmp_path, "192.0.2.1")


def api(url: str, ca_file: Path | None) -> ArgoCD:
    return ArgoCD(url=url, token=lambda: "a-token", ca_file=ca_file, timeout=5.0)


def test_an_authority_that_is_given_is_trusted(known: tuple[str, Path, Server]) -> None:
    url, certified, _ = known
    assert api(url, certified).user() == "engine"


def test_one_that_is_not_is_not_and_is_sent_nothing(known: tuple[str, Path, Server]) -> None:
    url, _, server = known
    with pytest.raises(TryAgain, match="certificate"):
        api(url, None).user()
    assert server.calls == []


def test_a_certificate_of_another_address_is_refused(elsewhere: tuple[str, Path, Server]) -> None:
    url, certified, server = elsewhere
    with pytest.raises(TryAgain, match="certificate"):
        api(url, certified).user()
    assert server.calls == []


def test_a_redirection_is_not_followed_with_the_token(known: tuple[str, Path, Server]) -> None:
    url, certified, server = known
    server.fault = Fault(pattern="GET /api", kind="307")
    with pytest.raises(Refused, match="ONESHOT_ARGOCD__URL"):
        api(url, certified).user()
