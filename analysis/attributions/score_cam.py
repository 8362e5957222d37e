"""Score-CAM: features weighted by the logit that they let through, without gradients."""

from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.cams import combined, most_varied
from analysis.attributions.layers import activation
from analysis.attributions.masking import Passes, masked_logits
from analysis.stimuli.resizing import resize


@attribution("score_cam", "layers", title="Score-CAM", cost="dear")
def score_cam(
    model, x, target, layer: str | None = None, relu: bool = False, baseline: str = "mean",
    batch_size: int = 32, bf16: bool = False, passes: Passes | None = None,
    most: int | None = None,
) -> Tensor:
    """sum_c w_c A_c, w the softmax over channels of the target's logit under each channel's mask.

    Wang et al., CVPR Workshops 2020, algorithm 1. A mask is a channel at the picture's size, scaled
    to [0, 1]; a constant channel removes everything. Deviation: the paper multiplies a normalised
    picture, which takes it to the data's mean gray; here the removed part is replaced by
    `baseline` (see `masking.baseline`; "black" is the plain product). One forward pass per channel;
    `most` takes only so many channels, those that vary most over the places, for a trial.
    """
    features = activation(model, x, layer)
    features = features[:, most_varied(features, most)]

    def keep(pictures: Tensor, channels: Tensor) -> Tensor:
        masks = resize(features[pictures, channels], *x.shape[2:]).to(x)
        low, high = masks.amin((1, 2), keepdim=True), masks.amax((1, 2), keepdim=True)
        span = high - low
        return (masks - low) / span.where(span > 0, 1)

    channels = features.shape[1]
    scores = masked_logits(model, x, target, channels, keep, baseline, batch_size, bf16, passes)
    return combined(scores.softmax(1)[:, :, None, None].to(features), features, relu)
