"""The CloudFormation template that the CDK app made, read as the engine's plan, with every intrinsic resolved.

What only creation can tell (the id of a key, the ARN of a secret) is told with `bind` before the resources that refer
to it are read; everything else has the same name at every start.

>>> body = {"Resources": {"Events": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}}},
...         "Outputs": {"Stream": {"Value": {"Fn::GetAtt": ["Events", "Arn"]}}}}
>>> Template(body, "shop").output("Stream")
'arn:aws:kinesis:us-east-1:000000000000:stream/shop-Events'
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personas.core.errors import PersonasError
from personas.local.resources import SERVED, WITHOUT_MEANING, identity, physical_name

_NO_VALUE = object()
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")


class UnusableTemplate(PersonasError):
    """The template says something that the engine cannot follow; the message names the place."""


class UnknownResourceType(UnusableTemplate):
    """A resource type that the engine neither serves nor knows to be without meaning on one machine."""


@dataclass(frozen=True, slots=True)
class Resource:
    id: str
    type: str
    properties: dict[str, Any]
    """As in CloudFormation, with no intrinsic left."""


class Template:
    def __init__(
        self,
        body: Mapping[str, Any],
        stack: str,
        *,
        region: str = "us-east-1",
        account: str = "000000000000",
        queue_base: str = "http://127.0.0.1:4566",
        http_base: str = "http://127.0.0.1:8787",
        assets: Mapping[str, Path] | None = None,
    ) -> None:
        self.stack, self.region, self.account = stack, region, account
        self.queue_base, self.http_base = queue_base, http_base
        self._body = body
        self._assets = assets or {}
        self._bound: dict[str, tuple[str, dict[str, str]]] = {}
        self._conditions: dict[str, bool] = {}
        self._raw: dict[str, Mapping[str, Any]] = {
            id: raw
            for id, raw in body.get("Resources", {}).items()
            if "Condition" not in raw or self._condition(raw["Condition"])
        }
        self._refuse_unknown_types()

    @classmethod
    def load(cls, cdk_out: Path, **options: Any) -> "Template":
        """The only stack in a cloud assembly; `options` as of the class."""
        found = sorted(cdk_out.glob("*.template.json"))
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise UnusableTemplate(f"{cdk_out} should hold one template, it holds: {names}")
        stack = found[0].name.removesuffix(".template.json")
        return cls(json.loads(found[0].read_text()), stack, assets=_assets(cdk_out, stack), **options)

    def of_type(self, *types: str) -> list[Resource]:
        return [self.resource(id) for id, raw in self._raw.items() if raw["Type"] in types]

    def resource(self, logical_id: str) -> Resource:
        raw = self._raw[logical_id]
        properties = self.resolve(raw.get("Properties", {}), logical_id)
        return Resource(logical_id, raw["Type"], properties)

    def metadata(self, logical_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._raw[logical_id].get("Metadata", {})
        return found

    def types(self) -> Mapping[str, str]:
        """Every logical id in force and its type."""
        return {id: raw["Type"] for id, raw in self._raw.items()}

    def name(self, logical_id: str) -> str:
        raw = self._raw[logical_id]
        named = {k: self.resolve(v, logical_id) for k, v in raw.get("Properties", {}).items() if k.endswith("Name")}
        return physical_name(self.stack, logical_id, raw["Type"], named)

    def bind(self, logical_id: str, ref: str, **attributes: str) -> None:
        """Say what creating the resource has shown its Ref and attributes to be."""
        _, known = self._identity(logical_id)
        self._bound[logical_id] = ref, known | attributes

    def ref(self, logical_id: str) -> str:
        return self._identity(logical_id)[0]

    def attribute(self, logical_id: str, name: str) -> str:
        return self._attribute(logical_id, name, logical_id)

    def output(self, name: str) -> Any:
        return self.resolve(self._body["Outputs"][name]["Value"], f"Outputs.{name}")

    def outputs(self) -> dict[str, Any]:
        return {name: self.output(name) for name in self._body.get("Outputs", {})}

    def asset(self, code: Mapping[str, Any], place: str) -> Path:
        """The directory that a function's Code or a layer's Content was made from."""
        key = code.get("S3Key", "")
        try:
            return self._assets[key]
        except KeyError:
            raise UnusableTemplate(f"{place}: no directory is known for the asset {key!r}") from None

    def resolve(self, value: Any, place: str) -> Any:
        """The value with intrinsics replaced. `place` is named in errors."""
        resolved = self._resolve(value, place)
        return None if resolved is _NO_VALUE else resolved

    def _resolve(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return [v for v in (self._resolve(item, place) for item in value) if v is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._intrinsic(name, argument, place)
        pairs = ((key, self._resolve(item, place)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _NO_VALUE}

    def _intrinsic(self, name: str, argument: Any, place: str) -> Any:
        if name == "Ref":
            return self._ref(argument, place)
        if name == "Fn::If":
            condition, then, otherwise = argument
            return self._resolve(then if self._condition(condition) else otherwise, place)
        if name == "Fn::Sub":
            return self._sub(argument, place)
        argument = self._resolve(argument, place)
        match name:
            case "Fn::GetAtt":
                logical_id, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self._attribute(logical_id, attribute, place)
            case "Fn::Join":
                return argument[0].join(str(part) for part in argument[1])
            case "Fn::Select":
                return argument[1][int(argument[0])]
            case "Fn::Split":
                return argument[1].split(argument[0])
            case "Fn::FindInMap":
                return self._body["Mappings"][argument[0]][argument[1]][argument[2]]
            case "Fn::Base64":
                return base64.b64encode(argument.encode()).decode()
            case "Fn::GetAZs":
                return [f"{argument or self.region}{letter}" for letter in "abc"]
            case "Fn::Length":
                return len(argument)
            case "Fn::ToJsonString":
                return json.dumps(argument)
            case _:
                raise UnusableTemplate(f"{place}: the engine does not know the intrinsic {name}")

    def _ref(self, name: str, place: str) -> Any:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NoValue": _NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.stack}/local",
            "AWS::StackName": self.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        parameters = self._body.get("Parameters", {})
        if name in parameters:
            if "Default" not in parameters[name]:
                raise UnusableTemplate(f"{place}: the parameter {name} has no default value")
            return parameters[name]["Default"]
        if name not in self._raw:
            raise UnusableTemplate(f"{place}: Ref to {name}, which is not in the template")
        return self._identity(name)[0]

    def _attribute(self, logical_id: str, name: str, place: str) -> str:
        if logical_id not in self._raw:
            raise UnusableTemplate(f"{place}: Fn::GetAtt of {logical_id}, which is not in the template")
        attributes = self._identity(logical_id)[1]
        if name not in attributes:
            kind = self._raw[logical_id]["Type"]
            raise UnusableTemplate(f"{place}: the engine does not know the attribute {name} of {logical_id} ({kind})")
        return attributes[name]

    def _identity(self, logical_id: str) -> tuple[str, dict[str, str]]:
        if logical_id in self._bound:
            return self._bound[logical_id]
        kind = self._raw[logical_id]["Type"]
        if kind in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
            function = self.resolve(self._raw[logical_id]["Properties"]["FunctionName"], logical_id)
            arn = function if function.startswith("arn:") else self._function_arn(function)
            return arn, {"FunctionArn": arn, "Version": "$LATEST", "AliasArn": arn}
        name = self.name(logical_id)
        return identity(kind, logical_id, name, self.region, self.account, self.queue_base, self.http_base)

    def _function_arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def _sub(self, argument: Any, place: str) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def replacement(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in given:
                return str(self._resolve(given[name], place))
            logical_id, _, attribute = name.partition(".")
            if attribute and logical_id in self._raw:
                return self._attribute(logical_id, attribute, place)
            return str(self._ref(name, place))

        return _SUBSTITUTION.sub(replacement, text)

    def _condition(self, condition: Any) -> bool:
        if isinstance(condition, str):
            if condition not in self._conditions:
                self._conditions[condition] = self._condition(self._body["Conditions"][condition])
            return self._conditions[condition]
        ((name, argument),) = condition.items()
        match name:
            case "Fn::Equals":
                left, right = (self._resolve(side, "Conditions") for side in argument)
                return bool(left == right)
            case "Fn::And":
                return all(self._condition(part) for part in argument)
            case "Fn::Or":
                return any(self._condition(part) for part in argument)
            case "Fn::Not":
                return not self._condition(argument[0])
            case "Condition":
                return self._condition(argument)
            case _:
                raise UnusableTemplate(f"Conditions: the engine does not know {name}")

    def _refuse_unknown_types(self) -> None:
        for id, raw in self._raw.items():
            if raw["Type"] not in SERVED and raw["Type"] not in WITHOUT_MEANING:
                raise UnknownResourceType(
                    f"{raw['Type']} ({id}): the local engine does not know this resource type; serve it or say in "
                    "personas/local/resources.py why it has no meaning on one machine"
                )


def _assets(cdk_out: Path, stack: str) -> dict[str, Path]:
    manifest = cdk_out / f"{stack}.assets.json"
    if not manifest.exists():
        return {}
    found = {}
    for file in json.loads(manifest.read_text()).get("files", {}).values():
        path = (cdk_out / file["source"]["path"]).resolve()
        for destination in file["destinations"].values():
            found[destination["objectKey"]] = path
    return found
