"""How hard hypothesis searches: 500 histories on every change; nightly, PERSONAS_HISTORIES=20000."""

import os

from hypothesis import HealthCheck, settings

HISTORIES = int(os.environ.get("PERSONAS_HISTORIES", "500"))

thorough = settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
