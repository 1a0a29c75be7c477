"""Calls of the emulator's JSON services without boto3: what is asked many times a second has to cost little."""

from typing import Any

import aiohttp
import orjson

from personas.core.errors import PersonasError


class EmulatorRefused(PersonasError):
    """The emulator answered with an error of the service; `code` is AWS's name of it."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code


class EmulatorClient:
    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint, self._region = endpoint, region
        self._session: aiohttp.ClientSession | None = None

    async def dynamodb_streams(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EmulatorRefused, and aiohttp.ClientError when the emulator is not there."""
        return await self._call("dynamodb", f"DynamoDBStreams_20120810.{operation}", request)

    async def sqs(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """As `dynamodb_streams`."""
        return await self._call("sqs", f"AmazonSQS.{operation}", request)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _call(self, service: str, target: str, request: dict[str, Any]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20240101/{self._region}/{service}/aws4_request, "
            "SignedHeaders=host, Signature=none",
        }
        async with self._session.post(self._endpoint, data=orjson.dumps(request), headers=headers) as http:
            body = await http.read()
            answer: dict[str, Any] = orjson.loads(body) if body else {}
            if http.status != 200:
                code = str(answer.get("__type", http.status)).rpartition("#")[2]
                raise EmulatorRefused(target, code, str(answer.get("message", answer.get("Message", ""))))
            return answer
