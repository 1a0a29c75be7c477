"""The sample store: half a year of a shop's events, turned into the calls that the shop would send."""
