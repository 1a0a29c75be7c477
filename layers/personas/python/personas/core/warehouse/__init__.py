"""Warehouse-ready tables: the rows of Segment's Profiles Sync, shaped from facts, merges and archived events."""
