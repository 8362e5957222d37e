"""From a benchmark's rows to its tables.

`scores` is of one condition, `summary` makes all tables in one pass over the rows. The others are
pure functions of one model's answers to the whole grid: a table of the conditions (`grid`) and an
array (N, conditions) of what was answered rightly.
"""
