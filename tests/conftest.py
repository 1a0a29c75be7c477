"""How hard hypothesis searches, and one running engine for every test that asks for one: starting it costs seconds,
spaces keep the tests apart.

`ci` is for every change. `nightly` is for when there is time: `--hypothesis-profile nightly`, or HYPOTHESIS_PROFILE.
Tests that take more or fewer examples than the profile says take a share of it.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from personas.local.launch import LaunchedEngine

settings.register_profile("ci", max_examples=int(os.environ.get("PERSONAS_EXAMPLES", "500")), deadline=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if settings.get_current_profile_name() == "nightly":
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchedEngine]:
    with LaunchedEngine(tmp_path_factory.mktemp("engine")) as running:
        yield running
