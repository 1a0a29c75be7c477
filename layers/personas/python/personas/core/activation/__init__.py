"""Activation: from a profile that changed to what the tools are told, and what is done with their answers. Pure."""
