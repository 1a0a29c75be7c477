"""An emulator of the tests' own, started and stopped around a test module."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from personas.local import checkout
from personas.local.emulator import Emulator


@contextmanager
def emulator(home: Path) -> Iterator[str]:
    """Its URL. Started again in the same home it holds what it held."""
    made = Emulator(checkout.emulator(), home / "state", home / "log")
    with asyncio.Runner() as runner:
        runner.run(made.start())
        try:
            yield made.url
        finally:
            runner.run(made.stop())
