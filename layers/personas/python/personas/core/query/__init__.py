"""The Segment Query Language: its syntax tree, how a query is read, checked and written, and what a definition is."""
