"""From definitions and events to values: monoids, tiles by hour, compiled definitions, evaluation at a time."""
