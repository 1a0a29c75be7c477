"""Handlers that show what a worker's world is like."""

import os
import sys
import time

CALLS = []


def echo(event, context):
    return event


def world(event, context):
    CALLS.append(event)
    return {
        "environment": dict(os.environ),
        "calls": len(CALLS),
        "pid": os.getpid(),
        "argv": sys.argv,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "remaining": context.get_remaining_time_in_millis(),
    }


def clock(event, context):
    import personas.clock

    return {"moved_ms": personas.clock.now_ms() - time.time_ns() // 1_000_000}


def raises(event, context):
    raise LookupError("nothing there")


def sleeps(event, context):
    time.sleep(event["seconds"])
    return "awake"


def dies(event, context):
    os._exit(7)


def prints(event, context):
    print("printed by the handler")
    os.write(1, b"written by the handler\n")
    return 1


def huge(event, context):
    return "x" * (6 * 1024 * 1024)


def unspeakable(event, context):
    return {1, 2}
