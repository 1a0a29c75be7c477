"""The routes of every HTTP API in the template on one origin; the most specific one wins, as in API Gateway.

>>> table = Routes([Route.of(key, "fn") for key in ("ANY /{proxy+}", "POST /v1/{call}", "GET /v1/track")])
>>> [table.match(*call)[0].key for call in (("POST", "/v1/track"), ("GET", "/v1/track"), ("PUT", "/v1/track"))]
['POST /v1/{call}', 'GET /v1/track', 'ANY /{proxy+}']
>>> table.match("POST", "/v1/a%20b")[1]
{'call': 'a b'}
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import unquote

from personas.local.functions import name_of
from personas.local.template import Template, UnusableTemplate


class _Kind(IntEnum):
    LITERAL = 0
    PARAMETER = 1
    GREEDY = 2


@dataclass(frozen=True, slots=True)
class Cors:
    """A CorsConfiguration; API Gateway answers preflights by it and writes these headers itself."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age_s: int | None

    def allowed_origin(self, origin: str) -> str | None:
        """What access-control-allow-origin says to the origin; None when it is not let in."""
        if "*" in self.origins:
            return "*"
        for allowed in self.origins:
            scheme = allowed.removesuffix("*")
            if origin == allowed or (allowed.endswith("://*") and origin.startswith(scheme)):
                return origin
        return None

    def headers_for(self, origin: str) -> dict[str, str]:
        allowed = self.allowed_origin(origin)
        if allowed is None:
            return {}
        answer = {"access-control-allow-origin": allowed}
        if self.credentials:
            answer["access-control-allow-credentials"] = "true"
        if self.expose:
            answer["access-control-expose-headers"] = ",".join(self.expose)
        return answer

    def preflight_headers(self, origin: str) -> dict[str, str]:
        answer = self.headers_for(origin)
        if not answer:
            return {}
        if self.methods:
            answer["access-control-allow-methods"] = ",".join(self.methods)
        if self.headers:
            answer["access-control-allow-headers"] = ",".join(self.headers)
        if self.max_age_s is not None:
            answer["access-control-max-age"] = str(self.max_age_s)
        return answer


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda REQUEST authorizer."""

    id: str
    function: str
    identity_sources: tuple[str, ...]
    ttl_s: int
    simple: bool


@dataclass(frozen=True, slots=True)
class Route:
    key: str
    method: str
    segments: tuple[str, ...]
    function: str
    api: str
    stage: str
    timeout_s: float
    cors: Cors | None
    authorizer: Authorizer | None

    @classmethod
    def of(
        cls,
        key: str,
        function: str,
        *,
        api: str = "local",
        stage: str = "$default",
        timeout_s: float = 30.0,
        cors: Cors | None = None,
        authorizer: Authorizer | None = None,
    ) -> "Route":
        method, path = ("ANY", "") if key == "$default" else key.split(" ", 1)
        segments = ("{$default+}",) if key == "$default" else tuple(path.strip("/").split("/"))
        return cls(key, method, segments, function, api, stage, timeout_s, cors, authorizer)

    @property
    def rank(self) -> tuple[bool, bool, tuple[int, ...], bool]:
        """Smaller is more specific: a literal before {parameter}, {proxy+} and $default; then a method before ANY."""
        kinds = tuple(_kind(segment) for segment in self.segments)
        return self.key == "$default", _Kind.GREEDY in kinds, kinds, self.method == "ANY"

    def match(self, path: tuple[str, ...]) -> dict[str, str] | None:
        """The path's parameters, still encoded as they came; None where the path is another's."""
        if self.key == "$default":
            return {}
        found: dict[str, str] = {}
        for place, segment in enumerate(self.segments):
            kind = _kind(segment)
            if kind is _Kind.GREEDY:
                rest = "/".join(path[place:])
                return found | {segment[1:-2]: rest} if rest else None
            if place >= len(path):
                return None
            if kind is _Kind.PARAMETER:
                if not path[place]:
                    return None
                found[segment[1:-1]] = path[place]
            elif segment != path[place]:
                return None
        return found if len(path) == len(self.segments) else None


class Routes:
    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=lambda route: route.rank)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def match(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route that serves a request, and its path parameters, decoded."""
        path = tuple(raw_path.lstrip("/").split("/"))
        for route in self._routes:
            if route.method in (method, "ANY") and (found := route.match(path)) is not None:
                return route, {name: unquote(value) for name, value in found.items()}
        return None

    def cors(self, method: str | None, raw_path: str) -> Cors | None:
        """The CORS settings of the API that a preflight asks about."""
        path = tuple(raw_path.lstrip("/").split("/"))
        for route in self._routes:
            if (method is None or route.method in (method, "ANY")) and route.match(path) is not None:
                return route.cors
        return None


def routes(template: Template) -> Routes:
    apis = {template.ref(api.id): api.properties for api in template.of_type("AWS::ApiGatewayV2::Api")}
    for api, properties in apis.items():
        if properties.get("ProtocolType") != "HTTP":
            raise UnusableTemplate(f"API {api}: the local engine serves HTTP APIs only")
    stages = {stage.properties["ApiId"]: stage.properties for stage in template.of_type("AWS::ApiGatewayV2::Stage")}
    integrations = {template.ref(i.id): i for i in template.of_type("AWS::ApiGatewayV2::Integration")}
    authorizers = {
        template.ref(a.id): _authorizer(a.id, a.properties) for a in template.of_type("AWS::ApiGatewayV2::Authorizer")
    }
    found = []
    for route in template.of_type("AWS::ApiGatewayV2::Route"):
        properties = route.properties
        integration = integrations[properties["Target"].removeprefix("integrations/")]
        api = properties["ApiId"]
        found.append(
            Route.of(
                properties["RouteKey"],
                _function(integration.properties, integration.id),
                api=api,
                stage=stages.get(api, {}).get("StageName", "$default"),
                timeout_s=int(integration.properties.get("TimeoutInMillis", 30_000)) / 1_000,
                cors=_cors(apis[api].get("CorsConfiguration")),
                authorizer=_authorizer_of(properties, authorizers, route.id),
            )
        )
    return Routes(found)


def _function(integration: Mapping[str, object], place: str) -> str:
    uri = str(integration.get("IntegrationUri", ""))
    if integration.get("IntegrationType") != "AWS_PROXY" or integration.get("PayloadFormatVersion") != "2.0":
        raise UnusableTemplate(
            f"{place}: the local engine serves Lambda proxy integrations with payload format 2.0 only"
        )
    if "/functions/" in uri:  # arn:…:apigateway:…:lambda:path/2015-03-31/functions/<function ARN>/invocations
        uri = uri.split("/functions/", 1)[1].removesuffix("/invocations")
    return name_of(uri)


def _cors(given: Mapping[str, object] | None) -> Cors | None:
    if not given:
        return None

    def several(name: str) -> tuple[str, ...]:
        return tuple(given.get(name) or ())  # type: ignore[arg-type]

    age = given.get("MaxAge")
    return Cors(
        several("AllowOrigins"),
        several("AllowMethods"),
        several("AllowHeaders"),
        several("ExposeHeaders"),
        bool(given.get("AllowCredentials")),
        int(str(age)) if age is not None else None,
    )


def _authorizer(id: str, properties: Mapping[str, object]) -> Authorizer:
    version = properties.get("AuthorizerPayloadFormatVersion")
    if properties.get("AuthorizerType") != "REQUEST" or version != "2.0":
        raise UnusableTemplate(f"{id}: the local engine serves REQUEST authorizers with payload format 2.0 only")
    uri = str(properties["AuthorizerUri"])
    function = uri.split("/functions/", 1)[1].removesuffix("/invocations") if "/functions/" in uri else uri
    sources = properties.get("IdentitySource") or ()
    return Authorizer(
        id=id,
        function=name_of(function),
        identity_sources=tuple(sources),  # type: ignore[arg-type]
        ttl_s=int(str(properties.get("AuthorizerResultTtlInSeconds", 300 if sources else 0))),
        simple=bool(properties.get("EnableSimpleResponses")),
    )


def _authorizer_of(route: Mapping[str, str], authorizers: Mapping[str, Authorizer], place: str) -> Authorizer | None:
    kind = route.get("AuthorizationType", "NONE")
    if kind == "NONE":
        return None
    if kind != "CUSTOM":
        raise UnusableTemplate(f"{place}: the local engine does not know the authorization type {kind}")
    return authorizers[route["AuthorizerId"]]


def _kind(segment: str) -> _Kind:
    if segment.startswith("{") and segment.endswith("+}"):
        return _Kind.GREEDY
    if segment.startswith("{") and segment.endswith("}"):
        return _Kind.PARAMETER
    return _Kind.LITERAL
