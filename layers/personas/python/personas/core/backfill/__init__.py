"""Adding the past to definitions that are new: pure."""
