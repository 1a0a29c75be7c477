"""Each function may do exactly what allowed_actions.json says, and on what."""

import json
from pathlib import Path

import pytest


def test_each_function_may_do_exactly_what_is_listed(dev):
    """The list is the review: whoever widens a grant says so in that file."""
    listed = json.loads(Path(__file__).with_name("allowed_actions.json").read_text())
    assert {name: granted(dev, name) for name in dev.functions()} == listed


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_no_action_is_a_wildcard(assembly, stage):
    stack = assembly.stack(stage)
    for id, policy in stack.named("AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert not [action for action in listing(statement["Action"]) if "*" in action], id


def test_no_role_has_a_policy_that_others_write(dev):
    assert not [id for id, role in dev.named("AWS::IAM::Role").items() if "ManagedPolicyArns" in role["Properties"]]


def granted(stack, name):
    """Actions by resource, both as the template names them."""
    role = stack.functions()[name]["Properties"]["Role"]["Fn::GetAtt"][0]
    grants: dict[str, set[str]] = {}
    for policy in stack.named("AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Properties"]["Roles"]:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for resource in listing(statement["Resource"]):
                    grants.setdefault(spoken(resource), set()).update(listing(statement["Action"]))
    return {resource: sorted(actions) for resource, actions in sorted(grants.items())}


def spoken(resource):
    """A resource's Arn as text: the logical id without its hash."""
    if isinstance(resource, str):
        return resource
    if "Fn::Join" in resource:
        return "".join(spoken(part) for part in resource["Fn::Join"][1])
    if "Ref" in resource:
        return resource["Ref"][:-8]
    id, attribute = resource["Fn::GetAtt"]
    return id[:-8] + ("" if attribute == "Arn" else f".{attribute}")


def listing(value):
    return value if isinstance(value, list) else [value]
