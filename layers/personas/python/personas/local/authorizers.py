"""Lambda REQUEST authorizers as API Gateway runs them: identity sources, simple and IAM answers, a cache of results.

A result is cached under the values of the identity sources alone, as AWS does: an authorizer that decides by route must
name $context.routeKey among them.
"""

import fnmatch
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.errors import Forbidden, PersonasError, Unauthenticated
from personas.local.http_event import Request, query_parameters
from personas.local.invocation import Invoke
from personas.local.routes import Authorizer, Route


class AuthorizerFailed(PersonasError):
    """The authorizer's function raised or answered nonsense; API Gateway answers 500."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    allowed: bool
    context: Mapping[str, Any]
    until: float


class Authorizers:
    def __init__(self, invoke: Invoke, region: str, account: str) -> None:
        self._invoke = invoke
        self._arn = f"arn:aws:execute-api:{region}:{account}"
        self._cache: dict[tuple[str, ...], _Verdict] = {}

    async def authorize(self, route: Route, request: Request, event: dict[str, Any]) -> Mapping[str, Any] | None:
        """The context that the authorizer gives to the integration; None where the route has no authorizer.

        Raises Unauthenticated (an identity source is missing), Forbidden (it said no), AuthorizerFailed.
        """
        authorizer = route.authorizer
        if authorizer is None:
            return None
        identity = [_identity(source, request, event) for source in authorizer.identity_sources]
        if not all(identity):
            raise Unauthenticated("Unauthorized")
        key = (authorizer.id, *(value or "" for value in identity))
        verdict = self._cache.get(key)
        if verdict is None or verdict.until <= time.monotonic():
            verdict = await self._ask(authorizer, route, event, identity)
            if authorizer.ttl_s and identity:
                self._cache[key] = verdict
        if not verdict.allowed:
            raise Forbidden("Forbidden")
        return verdict.context

    async def _ask(
        self, authorizer: Authorizer, route: Route, event: dict[str, Any], identity: list[str | None]
    ) -> _Verdict:
        http = event["requestContext"]["http"]
        route_arn = f"{self._arn}:{route.api}/{route.stage}/{http['method']}{http['path']}"
        question = {key: value for key, value in event.items() if key not in ("body", "isBase64Encoded")}
        question |= {"type": "REQUEST", "routeArn": route_arn, "identitySource": identity or None}
        result = await self._invoke(authorizer.function, orjson.dumps(question))
        if result.error is not None:
            raise AuthorizerFailed(f"{authorizer.function} failed: {result.payload[:500]!r}")
        answer = orjson.loads(result.payload)
        try:
            allowed = bool(answer["isAuthorized"]) if authorizer.simple else _allows(answer, route_arn)
        except (KeyError, TypeError):
            raise AuthorizerFailed(f"{authorizer.function} answered {result.payload[:500]!r}") from None
        return _Verdict(allowed, answer.get("context") or {}, time.monotonic() + authorizer.ttl_s)


def _identity(source: str, request: Request, event: Mapping[str, Any]) -> str | None:
    """The value of an identity source such as $request.header.Authorization."""
    kind, _, name = source.removeprefix("$").rpartition(".")
    match kind:
        case "request.header":
            return request.header(name.lower())
        case "request.querystring":
            return query_parameters(request.raw_query).get(name)
        case "context":
            return str(event["requestContext"].get(name) or "") or None
        case _:
            raise AuthorizerFailed(f"the local engine does not know the identity source {source}")


def _allows(answer: Mapping[str, Any], route_arn: str) -> bool:
    """Whether an IAM policy lets the route be called: an explicit Deny wins over any Allow."""
    effects = [
        statement["Effect"]
        for statement in answer["policyDocument"]["Statement"]
        if _matches(statement.get("Action", ()), "execute-api:Invoke") and _matches(statement["Resource"], route_arn)
    ]
    return "Allow" in effects and "Deny" not in effects


def _matches(patterns: str | list[str], value: str) -> bool:
    given = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatch.fnmatchcase(value.lower(), pattern.lower()) for pattern in given)
