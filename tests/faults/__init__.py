"""What breaks: runs that are killed, damaged files, full disks.

`make faults` runs it all at length, `tests/test_faults.py` a little of each.
"""
