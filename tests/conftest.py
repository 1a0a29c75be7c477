"""One running engine for every test that asks for one: starting it costs seconds, spaces keep the tests apart."""

from collections.abc import Iterator

import pytest

from personas.local.launch import LaunchedEngine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchedEngine]:
    with LaunchedEngine(tmp_path_factory.mktemp("engine")) as running:
        yield running
