"""The controls over HTTP, the demo's keys, and the program itself."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import Account, Simulator
from simulator.demo import DEMO_KEYS, add_demo_keys, demo_accounts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(Account(size=20, today=date(2026, 3, 10))) as simulator:
        yield simulator


def control(sim: Simulator, method: str, name: str, body: Any = None) -> Any:
    answer = requests.request(method, f"{sim.address}/_control/{name}", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def get(sim: Simulator, path: str = "/ping", key: str | None = None) -> requests.Response:
    return requests.get(sim.url + path, auth=(key or sim.key, ""), timeout=30)


def test_state_counts_requests_but_not_itself(sim: Simulator) -> None:
    get(sim)
    requests.post(sim.url + "/customers", auth=(sim.key, ""), timeout=30)
    control(sim, "GET", "state")

    state = control(sim, "GET", "state")

    assert (state["requests"], state["non_get_requests"]) == (2, 1)
    assert 1 <= state["max_in_a_second"] <= 2
    assert state["per_path"] == {"/ping": 1, "/customers": 1}
    assert state["per_key"] == {sim.key: 2}
    assert state["errors"] == []


def test_log_can_be_read_and_cleared(sim: Simulator) -> None:
    get(sim, "/customers?per_page=1")

    assert control(sim, "GET", "log")[0]["query"] == {"per_page": "1"}
    assert control(sim, "DELETE", "log")["requests"] == 0


def test_settings_and_reset(sim: Simulator) -> None:
    sim.limits.clock = lambda: 100.0
    control(sim, "POST", "settings", {"rate_limit": 1, "retry_after": "7"})
    control(sim, "POST", "settings", {"account": "Acme Analytics", "float_mrr": True})
    customers = get(sim, "/customers").json()["entries"]

    assert get(sim).headers["Retry-After"] == "7"
    assert any(isinstance(each["mrr"], float) for each in customers)
    assert control(sim, "POST", "reset")["settings"]["rate_limit"] == 40
    assert not sim.account.float_mrr


def test_faults(sim: Simulator) -> None:
    added = control(sim, "POST", "faults", [{"kind": "status", "status": 502, "times": 1}, {"kind": 520, "times": 1}])

    assert [get(sim).status_code for _ in range(3)] == [502, 520, 200]
    assert [each["fired"] for each in added] == [0, 0]
    assert [each["fired"] for each in control(sim, "GET", "faults")] == [1, 1]
    assert control(sim, "DELETE", "faults") == []
    assert "slow_drip" in control(sim, "GET", "kinds")


def test_days(sim: Simulator) -> None:
    before = get(sim, "/customers").content

    control(sim, "POST", "day", {"advance": 30})

    assert sim.account.day == 30
    assert get(sim, "/customers").content != before
    assert control(sim, "POST", "day", {"account": "Acme Analytics", "day": 0})[0]["day"] == 0
    assert get(sim, "/customers").content == before


def test_keys_can_be_revoked_and_added(sim: Simulator) -> None:
    control(sim, "POST", "keys", {"key": sim.key, "state": "revoked"})
    control(sim, "POST", "keys", {"key": "b" * 32, "account": "Acme Analytics", "note": "new"})

    assert get(sim).status_code == 401
    assert get(sim, key="b" * 32).status_code == 200
    assert [each["state"] for each in control(sim, "GET", "keys")] == ["revoked", "active"]


def test_accounts_can_be_added(sim: Simulator) -> None:
    added = control(sim, "POST", "accounts", {"name": "New", "seed": 9, "size": 12, "currency": "USD"})

    assert (added["customers"], added["currency"]) == (12, "USD")
    assert get(sim, "/account", key=added["key"]).json()["name"] == "New"
    assert [each["name"] for each in control(sim, "GET", "accounts")] == ["Acme Analytics", "New"]


def test_customers_can_be_changed(sim: Simulator) -> None:
    first, second, third, *more = [each["uuid"] for each in sim.account.customers()[:5]]
    change = {"account": "Acme Analytics"}

    control(sim, "POST", "customers", {**change, "uuid": first, "set": {"name": "Renamed"}})
    control(sim, "POST", "customers", {**change, "uuid": more, "set": {"name": "Alike"}})
    control(sim, "POST", "customers", {**change, "uuid": second, "merge_into": first})
    control(sim, "POST", "customers", {**change, "uuid": third, "delete": True})

    assert get(sim, f"/customers/{first}").json()["name"] == "Renamed"
    assert {get(sim, f"/customers/{uuid}").json()["name"] for uuid in more} == {"Alike"}
    assert [get(sim, f"/customers/{uuid}").status_code for uuid in (second, third)] == [404, 404]


@pytest.mark.parametrize(
    ("method", "name", "body"),
    [
        ("POST", "settings", {"speed": 1}),
        ("POST", "faults", {"kind": "gremlin"}),
        ("POST", "keys", {"key": "unknown"}),
        ("POST", "day", {"account": "Nobody"}),
        ("POST", "day", {"day": -1}),
    ],
)
def test_nonsense_is_a_400(sim: Simulator, method: str, name: str, body: Any) -> None:
    answer = requests.request(method, f"{sim.address}/_control/{name}", json=body, timeout=30)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_unknown_control_lists_those_there_are(sim: Simulator) -> None:
    answer = requests.get(f"{sim.address}/_control/nothing", timeout=30)

    assert answer.status_code == 404
    assert "POST /_control/faults" in answer.json()["controls"]


def test_demo_keys_are_documented() -> None:
    readme = (ROOT / "simulator" / "README.md").read_text()

    for key, _ in DEMO_KEYS:
        assert len(key) == 32
        assert set(key) <= set("0123456789abcdef")
        assert key in readme


def test_demo_accounts_answer_as_their_keys_say() -> None:
    with Simulator(*demo_accounts(today=date(2026, 3, 10)), rate_limit=0) as sim:
        add_demo_keys(sim)
        names = {key: get(sim, "/account", key=key).json().get("name") for key, _ in DEMO_KEYS[:6]}
        dead = [get(sim, key=key).status_code for key, _ in DEMO_KEYS[6:]]
        listed = control(sim, "GET", "keys")
        customers = sim.account_named("Acme Analytics").customers()

    assert list(names.values()) == ["Acme Analytics"] * 2 + ["Globex", "Hooli", "Empty", "Initech"]
    assert dead == [401, 403]
    assert [(each["key"], f"{each['account']}: {each['note']}") for each in listed] == list(DEMO_KEYS)
    assert len(customers) == 1284


def test_program_says_where_it_is_and_stops_on_sigterm(tmp_path: Path) -> None:
    state = tmp_path / "epoch"
    command = [sys.executable, "-m", "simulator", "--port", "0", "--state", str(state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        word, url = program.stdout.readline().split()
        answer = requests.get(f"{url}/account", auth=(DEMO_KEYS[0][0], ""), timeout=30)
        program.send_signal(signal.SIGTERM)

        assert program.wait(timeout=30) == 0

    assert word == "simulator"
    assert answer.json()["name"] == "Acme Analytics"
    assert date.fromisoformat(state.read_text())


def test_program_serves_one_account_of_any_size() -> None:
    command = [sys.executable, "-m", "simulator", "--size", "3", "--key", "c" * 32, "--rate-limit", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split()[1]
        answer = requests.get(f"{url}/customers", auth=("c" * 32, ""), timeout=30)
        program.terminate()

    assert len(answer.json()["entries"]) == 3


def test_bad_certificate(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with Simulator(Account(size=1), certificate=certificate) as sim:
        with pytest.raises(requests.exceptions.SSLError):
            get(sim)
        trusting = requests.get(sim.url + "/ping", auth=(sim.key, ""), verify=certificate[0], timeout=30)

    assert sim.url.startswith("https://")
    assert trusting.json() == {"data": "pong!"}


def make_certificate(folder: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that nobody has signed but itself."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import IPv4Address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")
