"""What a net that a file holds whole says of itself; any other is asked for nothing but answers,
since its attributes are its author's, whatever they are called."""

from collections.abc import Mapping


class FileNet:
    """
    Attributes:
        lacks: see `analysis.subjects.outside.OutsideModel`.
        alone: why it has to be asked one picture at a time; "" where it needn't be.
        instead: the output that it is asked for in place of the first that fits; "" where it is
            that.
    """

    lacks: Mapping[str, str] = {}
    alone = ""
    instead = ""
