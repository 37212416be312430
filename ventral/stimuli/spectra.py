"""Noise with the spectrum and the colours of natural images.

Source: Field (1987), J. Opt. Soc. Am. A 4:2379, for amplitudes that fall with frequency.
"""

import numpy as np

from ventral.stimuli.arrays import Floats

COMMON = 0.8  # share of the variance of natural images' colour channels that is common to all three


def one_over_f(white: Floats, alpha: float = 1.0) -> Floats:
    """White noise (..., y, x) filtered to an amplitude that falls as frequency to the minus `alpha`; mean 0, RMS 1."""
    y, x = white.shape[-2:]
    frequency = np.hypot(np.fft.fftfreq(y)[:, None], np.fft.rfftfreq(x))
    frequency[0, 0] = np.inf
    pink = np.fft.irfft2(np.fft.rfft2(white) * (frequency**-alpha).astype(np.float32), s=(y, x))
    return np.asarray(pink / pink.std(axis=(-2, -1), keepdims=True), dtype=np.float32)


def coloured(fields: Floats) -> Floats:
    """Colour channels that go partly together, (..., 3, y, x), mixed of four independent fields, (..., 4, y, x)."""
    own, common = fields[..., :3, :, :], fields[..., 3:, :, :]
    return np.asarray(np.sqrt(np.float32(1 - COMMON)) * own + np.sqrt(np.float32(COMMON)) * common)
