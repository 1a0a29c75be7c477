"""Who is who: which identifiers an event carries, and which profile they lead to by the space's rules. Pure."""
