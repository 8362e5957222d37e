"""From a benchmark's rows to its tables: `scores` of one condition, `summary` of all."""
