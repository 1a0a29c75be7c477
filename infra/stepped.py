"""A workflow of steps: a function says what is next, and between its steps go Maps over lists that it left in a bucket.

What it answers is the state, with `next`: `wait` a moment, `map` (over the list under `key`), `step` at once, or `end`.
Where a task fails for good, it is told of the `failure`, so that it can say so to who waits, and the workflow fails.
"""

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.function import Function
from infra.workflow import call, each


def stepped(
    scope: Construct, step: Function, shard: Function, *, bucket: s3.IBucket, concurrency: int
) -> sfn.IChainable:
    """`shard` is called for each entry of a list."""
    take_step, given_up = call(scope, "Next step", step), call(scope, "Give up", step)
    one_shard = call(scope, "One shard", shard)
    for task, tries in ((take_step, 3), (one_shard, 3), (given_up, 5)):
        task.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(2), max_attempts=tries, backoff_rate=2)
    given_up.next(sfn.Fail(scope, "Failed", error="GivenUp", cause="The reason is with what was asked for"))
    shards = each(scope, "Each shard", task=one_shard, bucket=bucket, concurrency=concurrency)
    for state in (take_step, shards):
        state.add_catch(given_up, errors=["States.ALL"], result_path="$.failure")
    a_moment = sfn.Wait(scope, "A moment", time=sfn.WaitTime.duration(Duration.seconds(1)))
    return take_step.next(
        sfn.Choice(scope, "What is next?")
        .when(sfn.Condition.string_equals("$.next", "wait"), a_moment.next(take_step))
        .when(sfn.Condition.string_equals("$.next", "map"), shards.next(take_step))
        .when(sfn.Condition.string_equals("$.next", "step"), take_step)
        .otherwise(sfn.Succeed(scope, "Done"))
    )
