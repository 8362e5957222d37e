"""DeepLIFT's rescale rule, complete through attention gates.

Shrikumar, Greenside & Kundaje, ICML 2017, section 3.5.1. Captum's DeepLift is equal on a plain net
without maximum pooling whose ReLUs are modules of their own. On our attention modules it isn't
complete (contributions do not sum to the change of the logit): it does not see functional
activations, refuses modules that are used twice, and has no rule for the product of two things that
both depend on the picture. Here every non-linear function has a rule under which the contributions
of its arguments sum to the change of its result (see `rescale`):

- of one argument: the secant from baseline to picture (the rescale rule);
- products (gates): each factor's change times the other factor's mean of picture and baseline,
  the Shapley value of the two factors;
- maxima: the change goes to the place of the greater of the two maxima;
- softmax: secants of its logarithm, which a common rise of its arguments does not change;
- norms, division, attention: made of the above.

Pictures are the first half of the batch, their baselines the second.
"""

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.completeness import warn_incomplete
from analysis.attributions.masking import baseline as removed
from analysis.attributions.question import gradient, of_target
from analysis.attributions.rescale import Rescaling, Watching

SHARE, LEAST = 0.01, 1e-3  # of a logit's change, and of a logit, that contributions may miss


@attribution("deeplift", "gradients", "functions", title="DeepLIFT",
             version=2)  # 1 had secants in single precision, and fewer rules
def deeplift(model, x, target, baseline: str = "mean") -> Tensor:
    """Contributions that sum to logit(x) - logit(baseline), by the rescale rule.

    Args:
        baseline: "black", "mean" or "blur"; see `masking.baseline`.

    Warns:
        Incomplete: the sum is off by more than 1% of the change: the model holds a non-linear
            function without a rule here, which is named, or puts another axis than the picture's
            first.
    """
    start = removed(x, baseline)
    both = torch.cat([x, start]).requires_grad_()
    with Rescaling(len(both)):
        logits = model(both.clone())
    multipliers = gradient(logits[: len(x)], target, both)[: len(x)]
    maps = (multipliers * (x - start)).sum(1)
    ends = [of_target(half.detach(), target) for half in logits.chunk(2)]
    warn_incomplete("deeplift", maps.sum((1, 2)), ends[0] - ends[1], SHARE, LEAST,
                    lambda: _cause(model, both))
    return maps


def _cause(model, both: Tensor) -> str:
    """Why contributions are not complete, as far as can be told."""
    again, watching = both.detach().clone().requires_grad_(), Watching(len(both))
    with watching:
        model(again.clone())
    if watching.turned:
        return (f"in {watching.turned} the first axis is not the picture, so that pictures and "
                "baselines can't be told apart")
    if watching.without_rule:
        return f"there is no rule for {', '.join(sorted(watching.without_rule))}"
    return "the model holds a non-linear function that there is no rule for"
