"""As much of DynamoDB's expressions as the updates of this room use.

>>> said = {"UpdateExpression": "SET a = :one ADD #s :two REMOVE c", "ExpressionAttributeNames": {"#s": "s"}}
>>> values = {":one": {"N": "1"}, ":two": {"NS": ["2"]}}
>>> updated({"c": {"S": "x"}, "s": {"NS": ["3"]}}, **said, ExpressionAttributeValues=values)
{'s': {'NS': ['2', '3']}, 'a': {'N': '1'}}
"""

import re
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
_NO_NAMES: dict[str, str] = {}


def updated(
    before: Item,
    UpdateExpression: str,  # noqa: N803 - AWS's names
    ExpressionAttributeValues: Item,  # noqa: N803
    ConditionExpression: str = "",  # noqa: N803
    ExpressionAttributeNames: dict[str, str] = _NO_NAMES,  # noqa: N803
) -> Item:
    used = " ".join((UpdateExpression, ConditionExpression))
    for name in (*ExpressionAttributeNames, *ExpressionAttributeValues):
        assert re.search(rf"{name}\b", used), f"{name} is not used, which DynamoDB refuses"

    def name(text: str) -> str:
        return ExpressionAttributeNames.get(text.strip(), text.strip())

    def number(text: str) -> float:
        found = ExpressionAttributeValues[text] if text[0] == ":" else before.get(name(text))
        return int(found["N"]) if found else float("nan")

    def holds(clause: str) -> bool:
        if clause.startswith("attribute_not_exists("):
            return name(clause[len("attribute_not_exists(") : -1]) not in before
        if clause == "attribute_exists(pk)":
            return bool(before)
        left, operator, right = clause.split()
        if operator == "=":
            return bool(before.get(name(left)) == ExpressionAttributeValues[right])
        assert operator == "<"
        return number(left) < number(right)

    if ConditionExpression and not any(holds(clause) for clause in ConditionExpression.split(" OR ")):
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")
    after = dict(before)
    for verb, said in re.findall(r"(SET|ADD|REMOVE) (.*?)(?= (?:SET|ADD|REMOVE) |$)", UpdateExpression):
        for part in said.split(","):
            if verb == "SET":
                target, value = part.split("=")
                after[name(target)] = ExpressionAttributeValues[value.strip()]
            elif verb == "REMOVE":
                after.pop(name(part), None)
            else:
                target, value = part.split()
                known = set(after.get(name(target), {"NS": []})["NS"])
                after[name(target)] = {"NS": sorted(known | set(ExpressionAttributeValues[value]["NS"]))}
    return after
