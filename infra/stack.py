"""One stage of Personas. This file only wires; each construct says what it is."""

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from infra.activation import Activation
from infra.apis import Apis
from infra.archive import Archive
from infra.backfill import Backfill
from infra.identity import Identity
from infra.ingestion import Ingestion
from infra.layers import Layers
from infra.monitoring import Monitoring
from infra.preview import Preview
from infra.profiles import Profiles
from infra.purge import Purge
from infra.recompute import Recompute
from infra.settings import Settings
from infra.shared import Shared
from infra.simulation import Simulation
from infra.storage import Storage
from infra.streams import Streams


class PersonasStack(Stack):
    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            id,
            description=f"Personas, stage {settings.stage}: a customer data platform",
            termination_protection=settings.production,
        )
        Tags.of(self).add("personas:stage", settings.stage)
        storage = Storage(self, "Storage", settings=settings)
        streams = Streams(self, "Streams", settings=settings, key=storage.key)
        layers = Layers(self, "Layers", settings=settings)
        shared = Shared(settings=settings, storage=storage, streams=streams, layers=layers)

        ingestion = Ingestion(self, "Ingestion", shared=shared)
        identity = Identity(self, "Identity", shared=shared)
        profiles = Profiles(self, "Profiles", shared=shared)
        recompute = Recompute(self, "Recompute", shared=shared)
        activation = Activation(self, "Activation", shared=shared)
        purge = Purge(self, "Purge", shared=shared)
        archive = Archive(self, "Archive", shared=shared)
        apis = Apis(self, "Apis", shared=shared)
        backfill = Backfill(self, "Backfill", shared=shared)
        for starter in (apis.control_function, recompute.plan):
            backfill.started_by(starter)
        simulation = Simulation(self, "Simulation", shared=shared)
        simulation.started_by(apis.control_function)
        preview = Preview(self, "Preview", shared=shared)
        preview.started_by(apis.control_function)
        Monitoring(
            self,
            "Monitoring",
            settings=settings,
            storage=storage,
            streams=streams.all,
            functions=[
                ingestion.ingest,
                identity.identity,
                identity.merges,
                profiles.profiles,
                recompute.plan,
                recompute.tick,
                backfill.step,
                backfill.shard,
                preview.step,
                preview.shard,
                activation.changes,
                activation.plan,
                activation.deliver,
                activation.settle,
                purge.purge,
                simulation.gather,
                simulation.replay,
                archive.identity,
                archive.traits,
                archive.plan,
                archive.compact,
                archive.publish,
                apis.profile_function,
                apis.control_function,
            ],
            readers=[
                identity.identity,
                identity.merges,
                profiles.profiles,
                activation.changes,
                archive.identity,
                archive.traits,
            ],
            apis=[ingestion.api, apis.profile, apis.control],
            workflows=[
                recompute.workflow,
                backfill.workflow,
                preview.workflow,
                activation.workflow,
                purge.workflow,
                simulation.workflow,
                archive.workflow,
            ],
        )

        self._output("TrackingApiUrl", ingestion.api.url)
        self._output("ProfileApiUrl", apis.profile.url)
        self._output("ControlApiUrl", apis.control.url)
        self._output("EventsStreamName", streams.events.stream_name)
        self._output("ProfilesStreamName", streams.profiles.stream_name)
        self._output("ControlTableName", storage.control_table.table_name)
        self._output("IdentityTableName", storage.identity_table.table_name)
        self._output("ProfilesTableName", storage.profiles_table.table_name)
        self._output("ActivationTableName", storage.activation_table.table_name)
        self._output("ArchiveBucketName", storage.archive_bucket.bucket_name)
        self._output("DeadLettersBucketName", storage.dead_letters_bucket.bucket_name)
        self._output("CatalogueDatabaseName", archive.catalogue.database_name)
        self._output("AthenaWorkGroupName", archive.catalogue.workgroup.name)
        self._output("WorkspaceTokenSecretArn", storage.workspace_token.secret_arn)

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)
