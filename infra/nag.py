"""Exceptions from the AwsSolutions rules. Each names the finding and the reason; none covers a whole stack."""

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import Construct, IConstruct


def excuse(construct: IConstruct, rule: str, reason: str) -> None:
    """Except one construct (and what is in it) from a rule, or from one finding: `AwsSolutions-IAM5[Resource::*]`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def logical_id(construct: Construct) -> str:
    """Of the construct's one resource: findings name resources so."""
    resource = construct.node.default_child
    assert isinstance(resource, CfnElement)  # noqa: S101 - all that we name have one
    return Stack.of(construct).get_logical_id(resource)
