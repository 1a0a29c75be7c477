"""A client of the Control API, as small as the sample needs it."""

from typing import Any

import requests


class ControlRefused(RuntimeError):
    """The Control API answered with an error."""


class Control:
    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self._session.request(method, self._base_url + path, timeout=90, **request)
        if not answer.ok:
            raise ControlRefused(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
        body: dict[str, Any] = answer.json()
        return body
