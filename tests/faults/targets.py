"""What is damaged: a good file of every kind that is read, and how a command reads it.

A reader raises AssertionError where what was read is wrong: where damage was taken for truth, or
where what is whole was lost or read in another way than before.

Not among them: what a command only shows as it is, such as the notebooks of a report, and files
that have one of these readers under another name, such as the answers of trainings (a cell).
"""

from faults.data_sets import DATA_SETS
from faults.nets import NETS
from faults.records import RECORDS

TARGETS = DATA_SETS | NETS | RECORDS
