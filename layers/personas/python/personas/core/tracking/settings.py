"""What analytics.js asks for before it sends: which integrations a write key has, and where to send."""

from typing import Any

_ALLOWED = {"enabled": True, "integrations": {}}


def settings_of(write_key: str, host: str, protocol: str) -> dict[str, Any]:
    """`host` is where the Tracking API was asked: the browser sends there too, and not to Segment."""
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": protocol,
                "addBundledMetadata": True,
                "unbundledIntegrations": [],
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {kind: {"__default": _ALLOWED} for kind in ("track", "identify", "group")},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
