"""Rows of training's tables as lines to print: accuracies in percent, differences in points."""


def mean_line(row) -> str:
    """A row of `means.means`."""
    text = f"  {row.label:24s} {row.split:10s} {row.faces:19s} seeds {row.seeds}"
    text += f"  {100 * row.accuracy:5.1f}{_ends(row.low, row.high, '4.1f')}"
    return text + _difference(row)


def accuracy_line(row, split: str) -> str:
    """A row of `tables.accuracy_table` or `tables.ablation_table`; the split is told of those that
    are not of this one."""
    label = row.label if row.split == split else f"{row.label}, on {row.split}"
    text = f"  {row.kind:9s} {label:38s} {100 * row.accuracy:5.1f}"
    text += _ends(row.low, row.high, "4.1f")
    if not (difference := _difference(row)):
        return text
    return f"{text}{difference}, p {row.p_holm:.3f} (Holm), seeds {row.paired_seeds}"


def _difference(row) -> str:
    """From the reference; "" of the reference itself."""
    if row.difference != row.difference:
        return ""
    ends = _ends(row.difference_low, row.difference_high, "+.1f")
    return f"  {100 * row.difference:+5.1f}{ends} from {row.reference}"


def _ends(low: float, high: float, written: str) -> str:
    """An interval in hundredths, "" where there is none."""
    return f" [{100 * low:{written}}, {100 * high:{written}}]" if low == low else ""
