"""What breaks: runs that are killed, damaged files, full disks.

`make faults` runs it all at length, `tests/project/test_faults.py` a little of each.
"""
