"""The CDK constructs: one per capability, each exposing only what others wire. Never imports runtime code."""
