"""Personas on one machine: an engine that runs the synthesized CloudFormation template, and the command line."""
