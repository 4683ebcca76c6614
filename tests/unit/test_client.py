"""The client against the simulated ChartMogul: what it returns, what it raises, and how soon."""

import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulator import Account, Simulator
from webapp.chartmogul.client import (
    BadKey,
    Busy,
    ChartMogulError,
    Client,
    Missing,
    NoAccess,
    Refused,
    Unavailable,
    check_key,
)


@pytest.fixture(scope="module")
def _world():
    with Simulator(Account(size=3)) as simulator:
        yield simulator


@pytest.fixture
def chartmogul(_world):
    _world.reset()
    return _world


@pytest.fixture
def client(chartmogul):
    client = Client(chartmogul.url, chartmogul.key, total_seconds=1)
    yield client
    client.close()


def test_right_key_opens_its_account(chartmogul):
    account = check_key(chartmogul.url, chartmogul.key)

    assert (account.name, account.currency, account.time_zone) == ("Acme Analytics", "EUR", "Europe/Berlin")


def test_wrong_key_is_a_bad_key(chartmogul):
    with pytest.raises(BadKey):
        check_key(chartmogul.url, "no such key")


@pytest.mark.parametrize(
    ("status", "error"),
    [(402, NoAccess), (403, NoAccess), (404, Missing), (400, Refused), (422, Refused), (429, Busy), (503, Busy)]
    + [(status, Unavailable) for status in (500, 502, 504, 520, 524)],
)
def test_each_status_has_its_error(chartmogul, client, status, error):
    chartmogul.faults.add(status)

    with pytest.raises(error):
        client.get("/customers")


@pytest.mark.parametrize(
    "kind",
    ["html_200", "not_json", "truncated", "wrong_length", "broken_gzip", "close", "reset", "redirect"],
)
def test_broken_answer_is_unavailable_and_never_a_part(chartmogul, client, kind):
    chartmogul.faults.add(kind)

    with pytest.raises(Unavailable):
        client.get("/customers")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("[147573952589676412927, -9223372036854775809]", [147573952589676412927, -9223372036854775809]),
        ("[18446744073709551615, 0.1, 1e3]", [18446744073709551615, 0.1, 1000.0]),
        (r'["\ud800"]', ["\ud800"]),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_what_is_json_to_python_is_read_as_it_reads_it(chartmogul, client, sent, read):
    chartmogul.faults.add("not_json", body=sent)

    assert client.get("/customers") == read


@pytest.mark.parametrize("kind", ["hang", "slow_drip", "slow_headers", "stall"])
def test_slow_answer_is_cut_off_in_time(chartmogul, client, kind):
    chartmogul.faults.add(kind, seconds=5)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        client.get("/customers")

    assert time.monotonic() - began < 2.5


def test_nobody_at_the_address_is_unavailable():
    with pytest.raises(Unavailable):
        Client("http://127.0.0.1:9", "a key").get("/ping")


def test_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    """Before the key is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "server.pem"))
    received = []

    def serve(server: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True) as connection:
            received.append(connection.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        with pytest.raises(Unavailable):
            Client(f"https://localhost:{server.getsockname()[1]}", "a key", total_seconds=3).get("/ping")

    assert received in ([], [b""])


def self_signed(file: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    at = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), at, at + timedelta(1))
    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(hosts, critical=False).sign(key, hashes.SHA256())
    as_pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*as_pem) + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def test_client_works_again_after_it_was_cut_off(chartmogul, client):
    chartmogul.faults.add("slow_headers", seconds=5, times=1)
    with pytest.raises(Unavailable):
        client.get("/customers")

    assert client.get("/ping") == {"data": "pong!"}


@pytest.mark.parametrize(("sent", "low", "high"), [(7, 7, 7), ("date:30", 25, 30), ("soon", None, None)])
def test_retry_after_is_read_as_seconds_or_as_a_date(chartmogul, client, sent, low, high):
    chartmogul.faults.add(429, retry_after=sent)

    with pytest.raises(Busy) as caught:
        client.get("/customers")

    if low is None:
        assert caught.value.retry_after is None
    else:
        assert low <= caught.value.retry_after <= high


def test_nothing_but_get_leaves_this_client(client, chartmogul):
    with pytest.raises(RuntimeError):
        client.session.post(f"{chartmogul.url}/customers", json={})

    assert chartmogul.log.non_get_requests == 0


def test_redirect_is_not_followed(chartmogul, client):
    with Simulator() as elsewhere:
        chartmogul.faults.add("redirect", url=elsewhere.url + "/ping")

        with pytest.raises(Unavailable):
            client.get("/ping")

        assert elsewhere.log.total == 0


def test_key_is_in_no_error(chartmogul):
    key = "0123456789abcdef0123456789abcdef"
    for fault in ("close", "html_200", "truncated"):
        chartmogul.faults.clear()
        chartmogul.faults.add(fault)
        with pytest.raises((ChartMogulError, requests.RequestException)) as caught:
            check_key(chartmogul.url, key)
        assert key not in repr(caught.value)
        assert caught.value.__cause__ is None
