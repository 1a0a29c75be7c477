"""What wakes what, and how, as the architecture says."""

import json

import pytest

from personas.core.moments import SECOND
from personas.core.simulation.simulation import LONGEST

EVENTS, PROFILES = "StreamsEvents", "StreamsProfiles"
ALARM = "AWS::CloudWatch::Alarm"


def test_functions_are_arm64_with_a_name_a_log_group_and_traces(dev):
    groups = dev.named("AWS::Logs::LogGroup")
    for name, function in dev.functions().items():
        properties = function["Properties"]
        assert properties["FunctionName"] == f"personas-dev-{name}"
        assert properties["Architectures"] == ["arm64"]
        assert properties["Runtime"] == ("nodejs22.x" if name == "deliver" else "python3.13")
        assert properties["TracingConfig"] == {"Mode": "Active"}
        group = groups[properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
        assert group["LogGroupName"] == f"/aws/lambda/personas-dev-{name}"
        assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name


def test_each_handler_is_where_the_metadata_says(dev):
    assert {
        name: (function["Metadata"]["Personas"]["Source"], function["Properties"]["Handler"])
        for name, function in dev.functions().items()
    } == {
        "ingest": ("functions/ingest", "handler.handle"),
        "identity": ("functions/identity", "handler.handle"),
        "profiles": ("functions/profiles", "handler.handle"),
        "merges": ("functions/merges", "handler.handle"),
        "changes": ("functions/changes", "handler.handle"),
        "recompute-plan": ("functions/recompute", "plan.handle"),
        "recompute-tick": ("functions/recompute", "tick.handle"),
        "backfill-step": ("functions/backfill", "step.handle"),
        "backfill-shard": ("functions/backfill", "shard.handle"),
        "preview-step": ("functions/preview", "step.handle"),
        "preview-shard": ("functions/preview", "shard.handle"),
        "activation-plan": ("functions/activation", "plan.handle"),
        "activation-settle": ("functions/activation", "settle.handle"),
        "deliver": ("functions/deliver", "index.handler"),
        "profile-api": ("functions/profile_api", "handler.handle"),
        "control-api": ("functions/control_api", "handler.handle"),
        "purge": ("functions/purge", "handler.handle"),
        "simulation-gather": ("functions/simulation", "gather.handle"),
        "simulation-replay": ("functions/simulation", "replay.handle"),
        "archive-identity": ("functions/archive", "identity.handle"),
        "archive-traits": ("functions/archive", "traits.handle"),
        "archive-plan": ("functions/archive", "plan.handle"),
        "archive-compact": ("functions/archive", "compact.handle"),
        "archive-catalogue": ("functions/archive", "catalogue.handle"),
    }


def test_only_what_reads_or_writes_the_archive_carries_parquet_and_only_previews_and_backfills_ask_it_in_sql(dev):
    layers = {name: len(function["Properties"].get("Layers", [])) for name, function in dev.functions().items()}
    carriers = ("profiles", "archive-compact", "archive-identity", "archive-traits")
    assert {layers.pop(name) for name in carriers} == {3}
    assert {layers.pop(name) for name in ("preview-shard", "backfill-shard")} == {4}
    assert layers.pop("deliver") == 0
    assert set(layers.values()) == {2}


def test_every_mapping_bisects_bounds_its_retries_and_keeps_what_it_gives_up(dev):
    mappings = dev.mappings()
    assert set(mappings) == {"identity", "profiles", "merges", "changes", "archive-identity", "archive-traits"}
    for mapping in mappings.values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRetryAttempts"] == 10
        assert mapping["MaximumRecordAgeInSeconds"] == 86_400
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        (bucket, attribute) = mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
        assert bucket.startswith("StorageDeadLetters")
        assert attribute == "Arn"


def test_batches_are_as_large_as_the_architecture_says(dev):
    sizes = {name: (m["BatchSize"], m.get("ParallelizationFactor", 1)) for name, m in dev.mappings().items()}
    assert sizes == {
        "identity": (200, 2),
        "profiles": (500, 2),
        "merges": (100, 1),
        "changes": (500, 1),
        "archive-identity": (10_000, 1),
        "archive-traits": (10_000, 1),
    }


@pytest.mark.parametrize(("stage", "seconds"), [("dev", 1), ("prod", 10)])
def test_both_hops_together_wait_for_the_freshness(assembly, stage, seconds):
    windows = {name: m["MaximumBatchingWindowInSeconds"] for name, m in assembly.stack(stage).mappings().items()}
    assert windows["identity"] + windows["profiles"] == seconds
    assert windows["changes"] == seconds
    assert windows["merges"] == 0
    assert windows["archive-identity"] == windows["archive-traits"] == 240


def test_no_reader_waits_for_so_long_that_its_alarm_is_raised(dev):
    alarms = {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in dev.named(ALARM).values()}
    for name, mapping in dev.mappings().items():
        late = alarms[f"personas-dev-{name}-iterator-age"]["Threshold"]
        assert mapping["MaximumBatchingWindowInSeconds"] * 1000 < late, name


def test_merges_and_changes_are_woken_by_what_concerns_them_only(dev):
    patterns = {
        name: json.loads(mapping["FilterCriteria"]["Filters"][0]["Pattern"])
        for name, mapping in dev.mappings().items()
        if "FilterCriteria" in mapping
    }
    assert patterns == {
        "merges": {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["merge"]}}}},
        "changes": {"dynamodb": {"Keys": {"sk": {"S": ["profile", {"prefix": "link#"}]}}}},
        "archive-identity": {
            "eventName": ["INSERT"],
            "dynamodb": {"NewImage": {"kind": {"S": ["identifier", "merge", "unmerge"]}}},
        },
        "archive-traits": {
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"Keys": {"sk": {"S": ["profile"]}}},
        },
    }


def test_streams_have_the_shards_asked_for_and_keep_a_day(dev):
    streams = [stream["Properties"] for stream in dev.named("AWS::Kinesis::Stream").values()]
    assert [(stream["ShardCount"], stream["RetentionPeriodHours"]) for stream in streams] == [(1, 24), (1, 24)]


def test_browsers_may_call_the_tracking_api_and_no_other(dev):
    apis = {api["Properties"]["Name"]: api["Properties"] for api in dev.named("AWS::ApiGatewayV2::Api").values()}
    cors = apis["personas-dev-tracking"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["*"]
    assert sorted(cors["AllowMethods"]) == ["GET", "OPTIONS", "POST"]
    assert sorted(cors["AllowHeaders"]) == ["authorization", "content-type"]
    assert "CorsConfiguration" not in apis["personas-dev-profile"]
    assert "CorsConfiguration" not in apis["personas-dev-control"]


def test_every_api_is_throttled_and_logs_its_calls(dev):
    stages = dev.named("AWS::ApiGatewayV2::Stage").values()
    assert len(stages) == 3
    for stage in stages:
        properties = stage["Properties"]
        assert properties["StageName"] == "$default"
        assert properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
        assert properties["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
        assert json.loads(properties["AccessLogSettings"]["Format"])["requestId"] == "$context.requestId"


def test_routes_are_those_of_the_contract(dev):
    routes = {route["Properties"]["RouteKey"] for route in dev.named("AWS::ApiGatewayV2::Route").values()}
    assert routes == {
        "POST /v1/{call}",
        "GET /v1/projects/{writeKey}/settings",
        "GET /v1/spaces/{proxy+}",
        "ANY /{proxy+}",
    }
    integrations = dev.named("AWS::ApiGatewayV2::Integration").values()
    assert {entry["Properties"]["PayloadFormatVersion"] for entry in integrations} == {"2.0"}


def test_activation_runs_every_minute_and_recompute_every_hour(dev):
    rules = {rule["Properties"]["Name"]: rule["Properties"] for rule in dev.named("AWS::Events::Rule").values()}
    assert rules["personas-dev-activation"]["ScheduleExpression"] == "rate(1 minute)"
    assert rules["personas-dev-recompute"]["ScheduleExpression"] == "cron(0 * * * ? *)"
    assert rules["personas-dev-purge"]["ScheduleExpression"] == "cron(30 * * * ? *)"
    assert rules["personas-dev-archive"]["ScheduleExpression"] == "cron(15 1 * * ? *)"


def test_each_activation_batch_is_settled_whether_it_was_delivered_or_failed(dev):
    machine = workflow(dev, "activation")
    assert machine["type"] == "EXPRESS"
    each = machine["States"]["Each batch"]
    assert each["ItemsPath"] == "$.batches"
    assert each["ItemProcessor"]["ProcessorConfig"] == {"Mode": "INLINE"}
    deliver = each["ItemProcessor"]["States"]["Deliver batch"]
    assert deliver["Next"] == "Settle batch"
    assert deliver["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Settle batch"}]


def test_an_activation_run_ends_before_express_workflows_are_cut_off(dev):
    steps = ("activation-plan", "deliver", "activation-settle")
    assert sum(dev.functions()[step]["Properties"]["Timeout"] for step in steps) < 300


def test_recompute_ticks_bucket_by_bucket_from_a_list_in_s3(dev):
    machine = workflow(dev, "recompute")
    assert machine["type"] == "STANDARD"
    each = machine["States"]["Each due bucket"]
    assert each["ItemReader"]["Resource"].endswith(":states:::s3:getObject")
    assert each["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert each["ItemReader"]["Parameters"]["Key.$"] == "$.key"
    assert each["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert each["ItemProcessor"]["States"]["Tick bucket"]["Catch"][0]["Next"] == "Left for the next hour"


def test_a_simulation_gathers_side_by_side_replays_once_and_says_why_it_failed(dev):
    machine = workflow(dev, "simulation")
    assert machine["type"] == "STANDARD"
    each = machine["States"]["Each segment"]
    assert (each["ItemsPath"], each["ResultPath"], each["Next"]) == ("$.segments", "$.gathered", "Replay all")
    assert set(each["ItemProcessor"]["States"]) == {"Gather a part", "Is there more?", "Gathered"}
    for step in ("Each segment", "Replay all"):
        catch = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Give up"}
        assert machine["States"][step]["Catch"] == [catch]
    assert machine["States"]["Give up"]["Next"] == "Failed"


def test_a_simulation_that_timed_out_is_soon_told_from_one_that_runs(dev):
    assert workflow(dev, "simulation")["TimeoutSeconds"] * SECOND < LONGEST


def test_workflows_keep_to_what_the_local_interpreter_does_too(dev):
    for machine in (workflow(dev, name) for name in ("activation", "recompute", "simulation", "archive")):
        text = json.dumps(machine)
        assert machine.get("QueryLanguage", "JSONPath") == "JSONPath"
        assert "ItemBatcher" not in text
        assert "Tolerated" not in text


def test_every_function_has_its_alarms_and_every_reader_its_age(dev):
    alarms = {alarm["Properties"]["AlarmName"] for alarm in dev.named(ALARM).values()}
    for name in dev.functions():
        assert f"personas-dev-{name}-errors" in alarms
    for name in dev.mappings():
        assert f"personas-dev-{name}-iterator-age" in alarms
    assert {
        "personas-dev-throttles",
        "personas-dev-dead-letters",
        "personas-dev-activation-workflow-failed",
        "personas-dev-recompute-workflow-failed",
        "personas-dev-events-stream-full",
        "personas-dev-profiles-stream-full",
        "personas-dev-tracking-api-faults",
    } <= alarms


def test_every_alarm_tells_somebody(dev):
    (topic,) = dev.named("AWS::SNS::Topic")
    for alarm in dev.named(ALARM).values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]


def test_the_dead_letters_bucket_counts_what_is_put(dev):
    (bucket,) = [entry for id, entry in dev.named("AWS::S3::Bucket").items() if "DeadLetters" in id]
    assert bucket["Properties"]["MetricsConfigurations"] == [{"Id": "all"}]


def test_the_outputs_are_what_people_and_tools_need(dev):
    assert set(dev.template["Outputs"]) == {
        "TrackingApiUrl",
        "ProfileApiUrl",
        "ControlApiUrl",
        "EventsStreamName",
        "ProfilesStreamName",
        "ControlTableName",
        "IdentityTableName",
        "ProfilesTableName",
        "ActivationTableName",
        "ArchiveBucketName",
        "DeadLettersBucketName",
        "CatalogueDatabaseName",
        "AthenaWorkGroupName",
        "WorkspaceTokenSecretArn",
    }


def test_deliver_may_call_private_addresses_on_one_machine_only(dev):
    variables = dev.functions()["deliver"]["Properties"]["Environment"]["Variables"]
    assert variables["PRIVATE_DESTINATIONS"] == "127.0.0.1,localhost"


def workflow(stack, name):
    """The definition, with every intrinsic as a name, and the type."""
    for machine in stack.named("AWS::StepFunctions::StateMachine").values():
        properties = machine["Properties"]
        if properties["StateMachineName"] == f"personas-dev-{name}":
            parts = properties["DefinitionString"]["Fn::Join"][1]
            text = "".join(part if isinstance(part, str) else "x" for part in parts)
            return json.loads(text) | {"type": properties["StateMachineType"]}
    raise AssertionError(f"no state machine {name}")
