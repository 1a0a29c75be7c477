"""As many histories as hypothesis' profile says (tests/conftest.py)."""

from hypothesis import HealthCheck, settings

HISTORIES = settings().max_examples

thorough = settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
