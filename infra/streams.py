"""The two streams: events, keyed by what the sender knew, and profiles, keyed by lane (docs/architecture.md)."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.nag import excuse
from infra.settings import Settings


class Streams(Construct):
    def __init__(self, scope: Construct, id: str, *, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._key = key
        self.events = self._stream("Events")
        self.profiles = self._stream("Profiles")
        self.all = (self.events, self.profiles)

    def _stream(self, id: str) -> kinesis.Stream:
        stream = kinesis.Stream(
            self,
            id,
            # Provisioned, because the price of on-demand buys shards that a lane-keyed stream does not need.
            stream_mode=kinesis.StreamMode.PROVISIONED,
            shard_count=self._settings.shards,
            retention_period=Duration.hours(24),
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=self._key,
            removal_policy=RemovalPolicy.RETAIN if self._settings.production else RemovalPolicy.DESTROY,
        )
        excuse(
            stream, "AwsSolutions-KDS3", "All data is under the one customer key, so that one policy says who reads it."
        )
        return stream
