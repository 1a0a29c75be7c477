"""What Personas keeps: one file per item family, with its keys, its conditions and its conversions."""
