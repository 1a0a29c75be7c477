"""Exceptions from the AwsSolutions rules. Each names the finding and the reason; none covers a whole stack."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def excuse(construct: IConstruct, rule: str, reason: str) -> None:
    """Except one construct (and what is in it) from a rule, or from one finding: `AwsSolutions-IAM5[Resource::*]`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
