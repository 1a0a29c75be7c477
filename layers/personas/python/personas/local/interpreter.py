"""Runs state machines, as a child process of the engine: moto's Step Functions interpreter, reached by JSON lines.

    in   {"id", "machine": {"name", "arn", "definition", "type"}, "name", "input", "now_ms"}
    out  {"id", "status", "output"?, "error"?, "cause"?, "tasks": number of Lambda tasks invoked}

A process of its own, because moto takes two seconds to import and runs each execution on threads. Its Lambda tasks go
to the engine's invoke endpoint, its item readers and result writers to the emulator's S3. It keeps nothing.
"""

import functools
import json
import os
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser import utils as moto_utils
from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3 as reader
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
    resource_eval_s3 as writer,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.eval.evaluation_details import EvaluationDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

_LAMBDA_PATIENCE_S = 900
_saying = threading.Lock()
_tasks: Counter[str] = Counter()


class _Worker(ExecutionWorker):  # type: ignore[misc]
    def _execution_logic(self) -> None:
        """As moto's, but a definition that it cannot parse ends the execution instead of only the thread."""
        try:
            super()._execution_logic()
        except Exception as error:  # noqa: BLE001 - whatever moto raises is the execution's end
            self._execution_communication.execution.fail(f"{type(error).__name__}: {error}")


class _MapWorker(distributed_item_processor.DistributedItemProcessorWorker):  # type: ignore[misc]
    def _eval_job(self, env: Any, job: Any) -> None:
        """As moto's, which goes on without the answer: but a Map tolerates no failure where it does not say so."""
        super()._eval_job(env, job)
        if isinstance(env.program_state(), ProgramError):
            job.job_output = _threshold_exceeded(env)


def _threshold_exceeded(env: Any) -> Exception:
    name = StatesErrorName(StatesErrorNameType.StatesExceedToleratedFailureThreshold)
    cause = "The specified tolerated failure threshold was exceeded"
    said = EventDetails(mapRunFailedEventDetails=MapRunFailedEventDetails(error=name.error_name, cause=cause))
    failure: Exception = FailureEventException(FailureEvent(env, name, HistoryEventType.MapRunFailed, said))
    return failure


class _Report(BaseExecutionWorkerCommunication):  # type: ignore[misc]
    def terminated(self) -> None:
        super().terminated()
        self.execution.tell_end()


class Running(Execution):  # type: ignore[misc]
    """An execution that tells its end by itself, so that nobody has to ask."""

    def __init__(self, request: dict[str, Any]) -> None:
        machine = request["machine"]
        instance = StateMachineInstance(
            machine["arn"], machine["name"], machine["definition"], "arn:aws:iam::000000000000:role/local"
        )
        instance.sm_type = instance.type = machine["type"]
        super().__init__(
            name=request["name"],
            sm_type=machine["type"],
            role_arn=instance.roleArn,
            exec_arn=machine["arn"].replace(":stateMachine:", ":execution:") + ":" + request["name"],
            account_id="000000000000",
            region_name=os.environ.get("AWS_REGION", "us-east-1"),
            state_machine=instance,
            start_date=datetime.fromtimestamp(request["now_ms"] / 1_000, UTC),
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=json.dumps(request["input"]),
        )
        self._request_id = request["id"]

    def _get_start_execution_worker(self) -> ExecutionWorker:
        details = EvaluationDetails(
            aws_execution_details=self._get_start_aws_execution_details(),
            execution_details=self.get_start_execution_details(),
            state_machine_details=self.get_start_state_machine_details(),
        )
        return _Worker(
            evaluation_details=details, exec_comm=_Report(self), cloud_watch_logging_session=None, activity_store={}
        )

    def tell_end(self) -> None:
        status = str(self.exec_status.value)
        answer = {"id": self._request_id, "status": status, "tasks": _tasks.pop(self.exec_arn, 0)}
        if status == "SUCCEEDED":
            answer["output"] = self.output
        else:
            answer |= {"error": self.error, "cause": self.cause}
        _tell(answer)

    def fail(self, cause: str) -> None:
        _tell({"id": self._request_id, "status": "FAILED", "tasks": 0, "error": "States.Runtime", "cause": cause})


def _tell(answer: dict[str, Any]) -> None:
    with _saying:
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()


@functools.cache
def _client(service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=os.environ["LAMBDA_ENDPOINT"] if service == "lambda" else os.environ["AWS_ENDPOINT_URL"],
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=_LAMBDA_PATIENCE_S,
            max_pool_connections=64,
            s3={"addressing_style": "path"},
        ),
    )


_making = threading.Lock()


def _client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001 - moto's signature
    with _making:
        return _client(service)


_integrate = lambda_eval_utils.execute_lambda_function_integration


def _counted(env: Any, **arguments: Any) -> None:
    _tasks[env.states.context_object.context_object_data["Execution"]["Id"]] += 1
    _integrate(env=env, **arguments)


def main() -> None:
    for module in (lambda_eval_utils, reader, writer):
        module.boto_client_for = _client_for
    lambda_eval_utils.execute_lambda_function_integration = _counted
    distributed_item_processor.DistributedItemProcessorWorker = _MapWorker
    for line in sys.stdin:
        moto_utils.TMP_THREADS[:] = [thread for thread in moto_utils.TMP_THREADS if thread.is_alive()]
        Running(json.loads(line)).start()


if __name__ == "__main__":
    main()
