"""What other identity rules would have made of the events of a space. Pure: it never reads or writes the graph."""
