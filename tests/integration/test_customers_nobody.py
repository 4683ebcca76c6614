"""The customers' list before there is anybody on it."""

import pytest

from tests import factories
from webapp.models import ImportState, ProviderState


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "Connect to ChartMogul"),
        (ProviderState.DISCONNECTED, "Connect to ChartMogul"),
        (ProviderState.SETTING_UP, "Initial sync is set up manually by our team"),
        (ProviderState.CONNECTED, "No import has finished so far."),
    ],
)
def test_empty_list_says_what_comes_next(person, cast, state, words):
    if state:
        factories.make_provider(cast.acme, state)

    answer = person(cast.ada).get("/customers")

    assert "No customers yet" in answer.text
    assert words in answer.text


def test_empty_list_points_to_the_first_import(person, cast):
    provider = factories.make_provider(cast.acme)
    factories.make_import(provider, ImportState.RUNNING)

    assert "The first import is running." in person(cast.max).get("/customers").text


def test_member_without_connection_is_told_who_can_connect(person, cast):
    page = person(cast.max).get("/customers").text

    assert "Only admins can configure integrations." in page
    assert ">Connect to ChartMogul<" not in page
