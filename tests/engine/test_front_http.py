"""HTTP as API Gateway's HTTP APIs do it: over a socket, into functions of the test's own, and back."""

import asyncio
import base64
import gzip
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from personas.local.authorizers import Authorizers
from personas.local.engine_clock import EngineClock
from personas.local.front import Front
from personas.local.invocation import Invocation
from personas.local.routes import Authorizer, Cors, Route, Routes

CORS = Cors(("https://shop.example", "https://*"), ("POST", "GET"), ("content-type",), ("x-seen",), True, 600)
SIMPLE = Authorizer("simple", "authorize", ("$request.header.Authorization",), 300, True)
IAM = Authorizer("iam", "authorize_by_policy", ("$request.querystring.key", "$context.routeKey"), 0, False)


class Functions:
    """What stands behind the routes; `events` is what each was given."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}

    async def invoke(self, name: str, payload: bytes) -> Invocation:
        self.events.append((name, json.loads(payload)))
        answer = self.answers.get(name, {"statusCode": 200, "body": "ok"})
        return answer if isinstance(answer, Invocation) else Invocation(json.dumps(answer).encode())

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1][1]


ROUTES = [
    Route.of("POST /v1/{call}", "ingest", cors=CORS),
    Route.of("GET /v1/spaces/{proxy+}", "profile"),
    Route.of("GET /v1/spaces/mine", "mine"),
    Route.of("ANY /{proxy+}", "control"),
    Route.of("GET /simple", "guarded", authorizer=SIMPLE),
    Route.of("GET /iam", "guarded", authorizer=IAM),
]


def call(tmp_path: Path, functions: Functions, method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
    (answer,) = calls(tmp_path, functions, [(method, path, options)])
    return answer


def calls(tmp_path: Path, functions: Functions, requests: list[tuple[str, str, dict]]) -> list[tuple[int, Any, bytes]]:
    async def scene() -> list[tuple[int, Any, bytes]]:
        authorizers = Authorizers(functions.invoke, "us-east-1", "000000000000")
        front = Front(Routes(ROUTES), functions.invoke, authorizers, EngineClock(tmp_path / "clock.json"))

        async def local(request: web.Request) -> web.StreamResponse:
            return web.json_response({"local": request.match_info["path"]})

        await front.start(4639, local)
        try:
            async with aiohttp.ClientSession(auto_decompress=False) as session:
                answers = []
                for method, path, options in requests:
                    async with session.request(method, f"http://127.0.0.1:4639{path}", **options) as answer:
                        answers.append((answer.status, answer.headers.copy(), await answer.read()))
                return answers
        finally:
            await front.stop()

    return asyncio.run(scene())


def test_an_event_is_what_api_gateway_makes(tmp_path):
    functions = Functions()
    headers = [("Cookie", "a=1; b=2"), ("X-Many", "1"), ("X-Many", "2"), ("Content-Type", "application/json")]
    call(tmp_path, functions, "POST", "/v1/tr%C3%A4ck?x=1&x=2&y=a%20b", data=b'{"a": "\xc3\xbc"}', headers=headers)
    event = functions.last
    assert (event["version"], event["routeKey"]) == ("2.0", "POST /v1/{call}")
    assert (event["rawPath"], event["rawQueryString"]) == ("/v1/träck", "x=1&x=2&y=a%20b")
    assert event["queryStringParameters"] == {"x": "1,2", "y": "a b"}
    assert event["pathParameters"] == {"call": "träck"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-many"] == "1,2"
    assert "cookie" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": "ü"}', False)
    context = event["requestContext"]
    assert context["http"]["method"] == "POST"
    assert context["http"]["sourceIp"] == "127.0.0.1"
    assert context["stage"] == "$default"
    assert isinstance(context["timeEpoch"], int)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(b"{}"), {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"\xff\x00", {"Content-Type": "application/json"}),
    ],
    ids=["zipped", "a form", "not UTF-8"],
)
def test_a_body_that_is_not_plain_text_comes_in_base64(tmp_path, body, headers):
    functions = Functions()
    call(tmp_path, functions, "POST", "/v1/track", data=body, headers=headers)
    assert functions.last["isBase64Encoded"] is True
    assert base64.b64decode(functions.last["body"]) == body


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("POST", "/v1/track", "ingest"),
        ("GET", "/v1/track", "control"),
        ("GET", "/v1/spaces/a/b", "profile"),
        ("GET", "/v1/spaces/mine", "mine"),
        ("POST", "/v1/spaces/mine", "control"),
        ("DELETE", "/spaces/a", "control"),
    ],
)
def test_the_most_specific_route_wins(tmp_path, method, path, function):
    functions = Functions()
    call(tmp_path, functions, method, path)
    assert functions.events[-1][0] == function


def test_a_path_without_a_route_is_404(tmp_path):
    assert call(tmp_path, Functions(), "GET", "/")[::2] == (404, b'{"message":"Not Found"}')


def test_a_full_response_is_given_back(tmp_path):
    functions = Functions()
    functions.answers["control"] = {
        "statusCode": 201,
        "headers": {"X-One": "1", "Content-Type": "image/png"},
        "cookies": ["a=1", "b=2; Secure"],
        "body": base64.b64encode(b"\x00\x01").decode(),
        "isBase64Encoded": True,
    }
    status, headers, body = call(tmp_path, functions, "GET", "/picture")
    assert (status, body, headers["x-one"], headers["content-type"]) == (201, b"\x00\x01", "1", "image/png")
    assert headers.getall("set-cookie") == ["a=1", "b=2; Secure"]


def test_a_bare_object_is_a_response_in_json(tmp_path):
    functions = Functions()
    functions.answers["control"] = {"hello": "world"}
    status, headers, body = call(tmp_path, functions, "GET", "/x")
    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {"hello": "world"})


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (Invocation(b'{"errorType": "Broken"}', "Unhandled"), 500, "Internal Server Error"),
        (Invocation(b"{}", "Unhandled", timed_out=True), 503, "Service Unavailable"),
        ({"statusCode": "many"}, 500, "Internal Server Error"),
        ({"statusCode": 200, "body": {"not": "text"}}, 500, "Internal Server Error"),
    ],
)
def test_a_failing_integration_says_no_more_than_api_gateway(tmp_path, answer, status, message):
    functions = Functions()
    functions.answers["control"] = answer
    got, _, body = call(tmp_path, functions, "GET", "/x")
    assert (got, json.loads(body)) == (status, {"message": message})


def test_a_body_over_10_mb_is_413(tmp_path):
    status, _, body = call(tmp_path, Functions(), "POST", "/v1/track", data=b"x" * (10 * 1024 * 1024 + 1))
    assert (status, json.loads(body)) == (413, {"message": "Request Entity Too Large"})


def test_a_preflight_is_answered_by_the_settings_of_the_api(tmp_path):
    functions = Functions()
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    status, answer, _ = call(tmp_path, functions, "OPTIONS", "/v1/track", headers=headers)
    assert status == 204
    assert answer["access-control-allow-origin"] == "https://shop.example"
    assert answer["access-control-allow-methods"] == "POST,GET"
    assert answer["access-control-allow-headers"] == "content-type"
    assert answer["access-control-allow-credentials"] == "true"
    assert answer["access-control-max-age"] == "600"
    assert functions.events == []


def test_cors_headers_are_the_apis_own_and_only_for_origins_that_it_lets_in(tmp_path):
    functions = Functions()
    functions.answers["ingest"] = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}, "body": ""}
    let_in = call(tmp_path, functions, "POST", "/v1/track", headers={"Origin": "https://any.example"})[1]
    assert let_in["access-control-allow-origin"] == "https://any.example"
    assert let_in["access-control-expose-headers"] == "x-seen"
    stranger = call(tmp_path, functions, "POST", "/v1/track", headers={"Origin": "http://any.example"})[1]
    assert "access-control-allow-origin" not in stranger


def test_an_api_without_cors_passes_options_on(tmp_path):
    functions = Functions()
    call(tmp_path, functions, "OPTIONS", "/spaces", headers={"Access-Control-Request-Method": "GET"})
    assert functions.events[-1][0] == "control"


def test_a_simple_authorizer_lets_in_with_its_context_and_is_asked_once(tmp_path):
    functions = Functions()
    functions.answers["authorize"] = {"isAuthorized": True, "context": {"user": "ada"}}
    request = ("GET", "/simple", {"headers": {"Authorization": "Bearer 1"}})
    assert [answer[0] for answer in calls(tmp_path, functions, [request, request])] == [200, 200]
    assert [name for name, _ in functions.events] == ["authorize", "guarded", "guarded"]
    assert functions.last["requestContext"]["authorizer"] == {"lambda": {"user": "ada"}}
    question = functions.events[0][1]
    assert (question["type"], question["identitySource"]) == ("REQUEST", ["Bearer 1"])
    assert question["routeArn"].endswith(":local/$default/GET/simple")


def test_a_missing_identity_source_is_401_and_nobody_is_asked(tmp_path):
    functions = Functions()
    assert call(tmp_path, functions, "GET", "/simple")[::2] == (401, b'{"message":"Unauthorized"}')
    assert functions.events == []


def test_what_the_authorizer_denies_is_403(tmp_path):
    functions = Functions()
    functions.answers["authorize"] = {"isAuthorized": False}
    headers = {"Authorization": "Bearer 1"}
    assert call(tmp_path, functions, "GET", "/simple", headers=headers)[::2] == (403, b'{"message":"Forbidden"}')


@pytest.mark.parametrize(("effects", "status"), [(["Allow"], 200), (["Allow", "Deny"], 403), ([], 403)])
def test_an_iam_policy_allows_unless_it_denies(tmp_path, effects, status):
    functions = Functions()
    statements = [{"Effect": e, "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:*"} for e in effects]
    functions.answers["authorize_by_policy"] = {"policyDocument": {"Statement": statements}}
    assert call(tmp_path, functions, "GET", "/iam?key=1")[0] == status


def test_an_authorizer_that_fails_is_500(tmp_path):
    functions = Functions()
    functions.answers["authorize"] = Invocation(b'{"errorType": "Broken"}', "Unhandled")
    assert call(tmp_path, functions, "GET", "/simple", headers={"Authorization": "x"})[0] == 500


def test_what_lies_below_local_never_reaches_a_route(tmp_path):
    functions = Functions()
    assert call(tmp_path, functions, "GET", "/_local/clock")[2] == b'{"local": "clock"}'
    assert functions.events == []
