"""The Tracking API: authenticates the write key, judges and stamps the calls, and answers once Kinesis has them."""

import secrets
from typing import Any

from personas import events_stream
from personas.clock import now_ms
from personas.core.errors import NotFound, Unauthenticated
from personas.core.tracking import admission, answers, settings, submission
from personas.http import Answer, Request, Routes, serve
from personas.stores import refused, sources


def track(request: Request, call: str) -> Answer:
    sent = submission.read(call, request.body(submission.MAX_BATCH))
    write_key = request.basic_user or sent.write_key
    owner = sources.by_write_key(write_key) if write_key else None
    if owner is None:
        raise Unauthenticated(answers.NO_SOURCE)
    received = now_ms()
    admitted = admission.admit(sent, *owner, received, lambda: f"api-{secrets.token_urlsafe(16)}")
    events_stream.send(admitted.events)
    refused.note(*owner, received, admitted.refusals)
    status, body = answers.to_admission(admitted)
    return Answer(body, status)


def library_settings(request: Request, key: str) -> Answer:
    if sources.by_write_key(key) is None:
        raise NotFound(answers.NO_SOURCE)
    protocol = request.headers.get("x-forwarded-proto", "https")
    return Answer(settings.settings_of(key, request.headers.get("host", ""), protocol))


ROUTES = Routes(("POST", "/v1/{call}", track), ("GET", "/v1/projects/{key}/settings", library_settings))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    return serve(event, ROUTES, answers.to_error)
