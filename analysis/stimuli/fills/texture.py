"""Fills with the texture of a face and nothing of its structure.

Measured on 6,000 faces of FER2013's Training split: mean 0.507, standard deviation within a picture
0.212, and amplitudes that fall as 1 / frequency ** 1.5 (Hann window, 2 to 23 cycles a picture).
"""

from functools import lru_cache

import torch
from torch import Tensor

from analysis.stimuli.fills.scene import FILLS, Scene

FACE_MEAN, FACE_SD = 0.507, 0.212
SLOPE = 1.5


@FILLS.register("texture", title="random texture")
def texture(scene: Scene) -> Tensor:
    """Random texture with the mean, contrast and spectrum of faces in general, clipped to [0, 1].

    Over the whole picture its mean is 0.507 and its standard deviation 0.212 before clipping, which
    takes 1% off the deviation. It wraps around at the edges. In colour it has the tint of the
    picture's own mean.
    """
    size = scene.images.shape[2:]
    spectrum = to_spectrum(white_noise(scene)) * falling_amplitudes(*size).to(scene.images)
    values = from_spectrum(spectrum, size)  # of mean 0, as the constant's amplitude is 0
    variance = values.square().mean(3, keepdim=True).mean(2, keepdim=True)
    values = values.mul_(FACE_SD / variance.sqrt()).add_(FACE_MEAN)
    if scene.images.shape[1] > 1:
        mean = scene.images.mean((2, 3), keepdim=True).clamp_(min=1e-3)
        values = values * (mean / mean.mean(1, keepdim=True))
    return values.clamp_(0, 1)


@FILLS.register("phase_scrambled", title="scrambled phases")
def phase_scrambled(scene: Scene) -> Tensor:
    """The picture's own Fourier amplitudes and mean with random phases, clipped to [0, 1].

    The phases are those of white noise, so that they have the symmetry of a real picture's. What
    the picture's edges add to its spectrum, as it is not periodic, is in the texture too. Clipping
    reaches 5% of the pixels on FER2013's PublicTest and takes 4% off their contrast, so that there
    the amplitudes are no longer exactly the picture's.
    """
    phases = to_spectrum(white_noise(scene))
    phases /= phases.abs().clamp_(min=1e-12)
    phases[..., 0, 0] = 1
    scrambled = from_spectrum(to_spectrum(scene.images) * phases, scene.images.shape[2:])
    return scrambled.clamp_(0, 1)


def to_spectrum(images: Tensor) -> Tensor:
    """(N, C, H, W // 2 + 1) complex: of each picture by itself, since on some processors a
    transform rounds otherwise in a batch."""
    return torch.stack([torch.fft.rfft2(image) for image in images])


def from_spectrum(spectrum: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W), the reverse of `to_spectrum`."""
    return torch.stack([torch.fft.irfft2(one, s=size) for one in spectrum])


def white_noise(scene: Scene) -> Tensor:
    """(N, 1, S, S) normal draws, each picture's from its own generator; channels share them, as
    those of faces nearly do."""
    draws = torch.empty_like(scene.images[:, :1])
    for picture, generator in zip(draws, scene.generators, strict=True):
        picture.normal_(generator=generator)
    return draws


@lru_cache(maxsize=8)
def falling_amplitudes(height: int, width: int) -> Tensor:
    """(height, width // 2 + 1): 1 / frequency ** 1.5 as `rfft2` orders it, 0 for the constant."""
    down, across = torch.fft.fftfreq(height) * height, torch.fft.rfftfreq(width) * width
    amplitudes = torch.hypot(down[:, None], across[None]).pow(-SLOPE)
    amplitudes[0, 0] = 0
    return amplitudes
