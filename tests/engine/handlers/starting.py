"""Handlers around a workflow: one that starts it with boto3, as it would on AWS, and one that is its only task."""

import json
import os
import time

import boto3
from botocore.exceptions import ClientError


def start(event, context):
    try:
        answer = boto3.client("stepfunctions").start_execution(
            stateMachineArn=event["machine"], name=event["name"], input=json.dumps(event["input"])
        )
    except ClientError as error:
        return {"refused": error.response["Error"]["Code"]}
    return {"arn": answer["executionArn"]}


def work(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps(event) + "\n")
    time.sleep(event.get("seconds", 0))
    return event
