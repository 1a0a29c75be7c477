"""As much of DynamoDB's expressions as the writes of this room use.

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

    if not holds(before, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues):
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


def holds(before: Item, condition: str, names: dict[str, str], values: Item) -> bool:
    """Whether an item meets a condition; none at all is always met.

    >>> holds({"v": {"N": "2"}}, "attribute_not_exists(gone) AND v = :v", {}, {":v": {"N": "2"}})
    True
    >>> holds({"v": {"N": "2"}}, "attribute_not_exists(pk) OR v < :v", {}, {":v": {"N": "2"}})
    False
    """

    def attribute(text: str) -> Any:
        return before.get(names.get(text, text))

    def clause_holds(clause: str) -> bool:
        if found := re.fullmatch(r"attribute_(not_)?exists\((.+)\)", clause):
            there = bool(before) if found[2] == "pk" else attribute(found[2]) is not None
            return there is not bool(found[1])
        left, operator, right = clause.split()
        if operator == "=":
            return bool(attribute(left) == values[right])
        assert operator == "<"
        return attribute(left) is not None and int(attribute(left)["N"]) < int(values[right]["N"])

    alternatives = [alternative.split(" AND ") for alternative in condition.split(" OR ")]
    return not condition or any(all(map(clause_holds, clauses)) for clauses in alternatives)
