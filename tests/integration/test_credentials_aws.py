"""AWS Secrets Manager: against moto over real HTTP, and by stubs where AWS and moto differ."""

import logging
import os
from collections.abc import Iterator

import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import ANY, Stubber
from flask import Flask
from moto.server import ThreadedMotoServer

from tests.conftest import make_settings
from tests.factories import Cast
from tests.integration.test_providers_connect import PATH, connection
from webapp import credentials
from webapp.credentials import AwsSecrets, SecretMissing, SecretStoreDown
from webapp.models import ProviderState

KEY = "canary0123456789abcdef0123456789"
NAME = "customerscore/test/tenant/x/chartmogul/y/key"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto, monkeypatch) -> None:
    """The environment that boto3 reads."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def settings(aws, tmp_path, database_url, redis_url, chartmogul):
    prefix = f"customerscore/{tmp_path.name}"
    return make_settings(
        tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        chartmogul_api_url=chartmogul.url,
        secret_store="aws",
        secret_prefix=prefix,
    )


@pytest.fixture
def store(settings) -> AwsSecrets:
    return AwsSecrets(settings)


@pytest.fixture
def stub(store) -> Iterator[Stubber]:
    with Stubber(store.client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_a_keys_whole_life(store, settings):
    name = f"{settings.secret_prefix}/tenant/1/chartmogul/2/key"
    store.check()
    store.create(name, KEY)

    assert store.read(name) == KEY
    assert list(store.names()) == [name]
    store.delete(name)
    store.delete(name)
    with pytest.raises(SecretMissing):
        store.read(name)
    with pytest.raises(SecretMissing):
        store.read(f"{name}/never")


def test_deleted_keys_can_be_brought_back_for_a_week(store, settings):
    name = f"{settings.secret_prefix}/tenant/1/chartmogul/3/key"
    store.create(name, KEY)
    store.delete(name)

    found = store.client.describe_secret(SecretId=name)

    assert 6 <= (found["DeletedDate"] - found["CreatedDate"]).days <= 7
    assert {"Key": "app", "Value": "customerscore"} in found["Tags"]


def test_names_of_other_installations_are_not_ours(store, settings):
    store.create(f"{settings.secret_prefix}-other/tenant/1/chartmogul/2/key", KEY)

    assert store.names() == {}


def test_connect_and_disconnect_through_the_pages(app: Flask, person, chartmogul, cast: Cast, settings):
    ada = person(cast.ada)
    ada.post(PATH, htmx=True, api_key=chartmogul.key)
    name = connection(cast).secret_name
    store = credentials.store()

    assert name.startswith(f"{settings.secret_prefix}/tenant/{cast.acme.id}/chartmogul/")
    assert not name[-7:].startswith("-")
    assert store.read(name) == chartmogul.key
    ada.post("/settings/providers/chartmogul/disconnect")
    assert store.names() == {}


@pytest.mark.parametrize(
    "code",
    [
        "ResourceExistsException",
        "InvalidRequestException",
        "ThrottlingException",
        "AccessDeniedException",
        "DecryptionFailure",
        "InternalServiceError",
        "LimitExceededException",
    ],
)
def test_key_that_aws_does_not_take_is_not_connected(app, person, chartmogul, cast: Cast, code):
    ada, store = person(cast.ada), credentials.store()
    with Stubber(store.client) as stub:
        stub.add_client_error("create_secret", code, "arn:aws:secretsmanager:eu-central-1:1:secret:x")
        answer = ada.post(PATH, htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 422
    assert "The key could not be stored. Nothing was saved. Try again." in answer.text
    assert code not in answer.text
    assert connection(cast) is None
    assert store.names() == {}


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalServiceError"])
def test_aws_that_does_not_delete_stops_no_disconnect(app, person, chartmogul, cast: Cast, code):
    ada, store = person(cast.ada), credentials.store()
    ada.post(PATH, htmx=True, api_key=chartmogul.key)
    with Stubber(store.client) as stub:
        stub.add_client_error("delete_secret", code)
        answer = ada.post("/settings/providers/chartmogul/disconnect", htmx=True)

    assert answer.status_code == 200
    assert connection(cast).state == ProviderState.DISCONNECTED


def test_key_is_replaced_under_a_new_name_and_the_old_one_deleted(app, person, chartmogul, cast: Cast):
    """AWS refuses a new value for a secret that is scheduled for deletion; a new name works whatever became
    of the old one."""
    ada, store = person(cast.ada), credentials.store()
    ada.post(PATH, htmx=True, api_key=chartmogul.key)
    before = connection(cast).secret_name
    with Stubber(store.client) as stub:
        stub.add_response("create_secret", {"Name": NAME})
        stub.add_client_error("delete_secret", "InvalidRequestException")
        answer = ada.post("/settings/providers/chartmogul/replace", htmx=True, api_key=chartmogul.key)

    assert answer.status_code == 200
    assert connection(cast).secret_name not in (None, before)
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("operation", ["create_secret", "get_secret_value"])
@pytest.mark.parametrize("code", ["ResourceNotFoundException", "InvalidRequestException"])
def test_gone_and_going_are_the_same(store, stub, operation, code):
    stub.add_client_error(operation, code)
    call = {
        "create_secret": lambda: store.create(NAME, KEY),
        "get_secret_value": lambda: store.read(NAME),
    }[operation]

    with pytest.raises(SecretStoreDown if operation == "create_secret" else SecretMissing) as error:
        call()

    assert KEY not in str(error.value)


def test_the_current_version_is_asked_for(store, stub):
    expected = {"SecretId": NAME, "VersionStage": "AWSCURRENT"}
    stub.add_response("get_secret_value", {"SecretString": KEY}, expected)

    assert store.read(NAME) == KEY


def test_repeats_carry_the_same_token_and_deletes_are_never_forced(store, stub):
    tags = [{"Key": "app", "Value": "customerscore"}]
    stub.add_response("create_secret", {}, {"Name": NAME, "SecretString": KEY, "ClientRequestToken": ANY, "Tags": tags})
    stub.add_response("delete_secret", {}, {"SecretId": NAME, "RecoveryWindowInDays": 7})

    store.create(NAME, KEY)
    store.delete(NAME)


def test_no_endpoint_is_a_plain_refusal(aws, settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")

    with pytest.raises(SecretStoreDown) as error:
        AwsSecrets(settings).create(NAME, KEY)

    assert str(error.value) == "EndpointConnectionError"


def test_time_out_is_a_plain_refusal(store):
    def time_out(**_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://secretsmanager.eu-central-1.amazonaws.com")

    store.client.meta.events.register("before-send.secretsmanager", time_out)

    with pytest.raises(SecretStoreDown):
        store.read(NAME)


def test_no_region_is_a_plain_refusal(aws, settings, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    with pytest.raises(SecretStoreDown):
        AwsSecrets(settings)


def test_debug_logging_shows_no_key(app, store, settings, caplog):
    """botocore's own DEBUG lines carry it; they are capped, whatever LOG_LEVEL says."""
    with caplog.at_level(logging.DEBUG):
        store.create(f"{settings.secret_prefix}/canary/key", KEY)
        store.read(f"{settings.secret_prefix}/canary/key")

    assert KEY not in caplog.text
