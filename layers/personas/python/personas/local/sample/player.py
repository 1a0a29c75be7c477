"""Plays calls into a Tracking API through Segment's own Python SDK, and notes how far it came.

The position is written after every flushed thousand. A replay that was cut short goes on there; what it sends twice has
the same message id both times, and counts once.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from segment.analytics.client import Client

from personas.local.sample.shop import Call

FLUSH_EVERY = 1_000
QUEUE = 5_000


class SampleRefused(RuntimeError):
    """The Tracking API did not accept a batch of the sample, whatever the SDK tried."""


class Player:
    def __init__(self, base_url: str, write_key: str, shift: timedelta, position: Path) -> None:
        self._shift = shift
        self._position = position
        self._errors: list[str] = []
        self._client = Client(
            write_key, host=base_url, gzip=True, max_queue_size=QUEUE, on_error=self._note, upload_interval=0.2
        )

    def play(self, calls: Sequence[Call], progress: Callable[[int], None]) -> int:
        """Send what was not yet sent; answers how many calls the Tracking API has accepted since the first start."""
        done = self._read()
        progress(done)
        for start in range(done, len(calls), FLUSH_EVERY):
            part = calls[start : start + FLUSH_EVERY]
            for call in part:
                self._send(call)
            self._client.flush()
            if self._errors:
                raise SampleRefused(self._errors[0])
            done = start + len(part)
            self._position.write_text(json.dumps({"sent": done}))
            progress(done)
        self._client.join()
        return done

    def _read(self) -> int:
        if not self._position.exists():
            return 0
        sent: int = json.loads(self._position.read_text())["sent"]
        return sent

    def _send(self, call: Call) -> None:
        common: dict[str, Any] = {
            "user_id": call.user_id,
            "anonymous_id": call.anonymous_id,
            "context": dict(call.context),
            "timestamp": call.at + self._shift,
            "message_id": call.message_id,
        }
        while self._client.queue.full():
            time.sleep(0.01)
        match call.type:
            case "identify":
                self._client.identify(traits=call.payload, **common)
            case "page":
                self._client.page(name=call.name, properties=call.payload, **common)
            case "screen":
                self._client.screen(name=call.name, properties=call.payload, **common)
            case _:
                self._client.track(event=call.name, properties=call.payload, **common)

    def _note(self, error: Exception, items: list[Any]) -> None:
        self._errors.append(f"{len(items)} events were not accepted: {error}")
