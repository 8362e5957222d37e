"""Nets side by side, one row a net: joined from what `iram bench` and `iram attribute` wrote of
them; and what only some of them can show of themselves."""
