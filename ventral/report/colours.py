"""Colours for dark pages: as light as the ones for light pages are dark, and of the same hue.

Lightness is that of Oklab (Ottosson 2020, bottosson.github.io/posts/oklab), in which equal steps look equal, so that
shades of a series keep their order, reversed.
"""

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

Array = NDArray[np.float64]

# linear red, green and blue -> cones, cube roots of cones -> lightness and two opponent colours
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LIGHTEST, SLOPE = 1.1, 0.68  # lightness on a dark page of a colour without any, and how it falls


def dark(colour: str) -> str:
    """The colour that does on a dark page what this one does on a light page.

    >>> dark("#222222"), dark("#0072B2")
    ('#e7e7e7', '#59b2f7')
    """
    lightness, *opponents = TO_LAB @ np.cbrt(TO_CONES @ _linear(np.array(to_rgb(colour))))
    turned = LIGHTEST - SLOPE * lightness
    for share in np.linspace(1, 0, 21):  # less colourful until a screen can show it
        mixed = _screen(np.array([turned, *(share * each for each in opponents)]))
        if mixed.min() >= -1e-6 and mixed.max() <= 1 + 1e-6:
            break
    return str(to_hex(tuple(np.clip(mixed, 0, 1).tolist())))


def _linear(rgb: Array) -> Array:
    """Light of colours as a screen takes them."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _screen(lab: Array) -> Array:
    """Colours in Oklab as a screen takes them; outside of 0 to 1 where it cannot show them."""
    light = np.linalg.solve(TO_CONES, np.linalg.solve(TO_LAB, lab) ** 3)
    shown = 1.055 * np.abs(light) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, shown)
