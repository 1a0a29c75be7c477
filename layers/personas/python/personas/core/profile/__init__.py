"""What a profile is, and how its single writer changes it: pure, so that crashes and reorderings can be tried out."""
