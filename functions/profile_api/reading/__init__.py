"""The Profile API, one file per part of a profile."""
