"""Personas: a serverless customer data platform. See docs/architecture.md for the rooms and who may know whom."""
