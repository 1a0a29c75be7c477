"""Context from the command line: strings, checked."""

import doctest

import pytest

from infra import settings
from infra.settings import Settings, WrongContext


def test_the_examples_in_the_documentation_are_true():
    assert doctest.testmod(settings).failed == 0


def test_dev_is_fresh_within_a_second_and_prod_within_ten():
    assert Settings.of_context({}.get).freshness_seconds == 1
    assert Settings.of_context({"stage": "prod"}.get).freshness_seconds == 10


def test_values_from_the_command_line_are_strings():
    chosen = Settings.of_context({"freshnessSeconds": "60", "shards": "4", "local": "true"}.get)
    assert (chosen.freshness_seconds, chosen.shards, chosen.local) == (60, 4, True)


def test_no_freshness_at_all_may_be_asked_for():
    assert Settings.of_context({"freshnessSeconds": "0"}.get).freshness_seconds == 0


def test_deployed_stages_call_no_private_address_unless_told():
    assert Settings.of_context({}.get).private_destinations == ""
    assert Settings.of_context({"privateDestinations": "10.0.0.8"}.get).private_destinations == "10.0.0.8"


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"stage": "test"}, "one of dev, prod"),
        ({"shards": "0"}, "from 1 to 1000"),
        ({"shards": "many"}, "whole number"),
        ({"freshnessSeconds": "601"}, "from 0 to 600"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(context, says):
    with pytest.raises(WrongContext, match=says):
        Settings.of_context(context.get)
