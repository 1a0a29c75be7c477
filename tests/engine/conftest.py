"""The folder of handlers is what functions are made of, not tests."""

collect_ignore = ["handlers"]
