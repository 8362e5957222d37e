"""A pass of pictures and their baselines together, by DeepLIFT's rules for non-linear functions."""

from analysis.attributions.overriding import Overriding, depends, rule_name
from analysis.attributions.rules import RULES, mean_of_halves

ROUNDING = 1e-4  # of a result: less than this may be between it and the linear one
SECOND = ("multi_head_attention_forward",)  # whose pictures stand on the second axis


class Rescaling(Overriding):
    """While it is active, functions are computed by RULES, each picture beside its baseline.

    Where a tensor's first axis does not hold them, no rule can be applied, and none is.

    Args:
        count: of pictures and baselines together.
    """

    def __init__(self, count: int):
        super().__init__(RULES)
        self.count = count

    def _called(self, func, args, kwargs):
        if self.is_turned(func, args):
            return func(*args, **(kwargs or {}))
        return super()._called(func, args, kwargs)

    def is_turned(self, func, args) -> bool:
        """Whether the axis of what depends on the pictures can't be theirs."""
        axis = int(getattr(func, "__name__", "") in SECOND)
        return any(depends(a) and a.ndim > axis and a.shape[axis] % self.count for a in args)


class Watching(Rescaling):
    """A pass in which is noted what keeps the contributions from being complete.

    Attributes:
        turned: the first function with a rule that could not be applied; "" if all could.
        without_rule: names of functions without a rule whose result half-way between picture and
            baseline is not half-way: they are not linear.
    """

    def __init__(self, count: int):
        super().__init__(count)
        self.turned, self.without_rule = "", set()

    def _called(self, func, args, kwargs):
        name, _ = rule_name(func, self.rules)
        turned = self.is_turned(func, args)
        half_way = [mean_of_halves(a) if depends(a) and not turned else a for a in args]
        result = func(*args, **(kwargs or {}))
        if name in self.rules:
            if turned and not self.turned:
                self.turned = f"'{name}' of {next(tuple(a.shape) for a in args if depends(a))}"
        elif not turned and depends(result) and result.ndim and not len(result) % self.count:
            found = func(*half_way, **(kwargs or {})).detach()
            gap = (found - mean_of_halves(result)).abs().max()
            if not gap <= ROUNDING * result.abs().max():
                self.without_rule.add(name)
        return result
