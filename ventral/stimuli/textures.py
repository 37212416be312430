"""Fields that masks are made of: noise, scrambled images, bars and checkerboards, in any unit and before matching.

Each function draws from a random stream and returns one field, (3, y, x). Lengths are fractions of the image's size,
except for tiles, which are in pixels.

Sources: Kovacs, Vogels & Orban (1995), PNAS 92:5587, for masks made of other objects; Tang et al. (2018), PNAS
115:8835, for phase-scrambled masks; Loschky et al., J. Vis., article 2141491, for noise of several slopes.
"""

import numpy as np

from ventral.errors import UsageError
from ventral.stimuli.arrays import Floats
from ventral.stimuli.images import Images
from ventral.stimuli.spectra import coloured, one_over_f

CHECK = 1 / 8
BAR_LENGTH, BAR_WIDTH = (0.3, 0.5), (0.06, 0.1)  # from, to
BARS = 120


def spectral_noise(random: np.random.Generator, pool: Images, alpha: float) -> Floats:
    """Coloured noise whose amplitude falls as frequency to the minus alpha."""
    white = random.standard_normal((4, *pool.pixels.shape[2:]), dtype=np.float32)
    return coloured(one_over_f(white, alpha))


def phase_scrambled(random: np.random.Generator, pool: Images) -> Floats:
    """An image of the pool, the same random phases added in all its channels.

    Phases of white noise are used because they have the symmetry that keeps the result real.
    """
    image = _any_image(random, pool)
    phases = np.angle(np.fft.rfft2(random.standard_normal(image.shape[1:])))
    return np.fft.irfft2(np.fft.rfft2(image) * np.exp(1j * phases), s=image.shape[1:])


def block_scrambled(random: np.random.Generator, pool: Images, side: int) -> Floats:
    """An image of the pool, its square tiles shuffled.

    Raises
    ------
    UsageError
        If images cannot be cut into such tiles.
    """
    height, width = pool.pixels.shape[2:]
    if height % side or width % side:
        raise UsageError(
            f"images of {height}x{width} pixels cannot be cut into {side}x{side}; use a multiple of {side}."
        )
    tiles = _any_image(random, pool).reshape(3, height // side, side, width // side, side)
    tiles = tiles.transpose(1, 3, 0, 2, 4).reshape(-1, 3, side, side)
    tiles = tiles[random.permutation(len(tiles))].reshape(height // side, width // side, 3, side, side)
    return tiles.transpose(2, 0, 3, 1, 4).reshape(3, height, width)


def bars(random: np.random.Generator, pool: Images) -> Floats:
    """A dense texture of bars of random place, length, orientation and colour, each over those after it."""
    height, width = pool.pixels.shape[2:]
    size = max(height, width)
    y, x = (np.arange(height)[:, None] + 0.5) / size, (np.arange(width) + 0.5) / size
    down, right = random.uniform(-BAR_LENGTH[0] / 2, 1 + BAR_LENGTH[0] / 2, (2, BARS, 1, 1))
    angle = random.uniform(0, np.pi, (BARS, 1, 1))
    length, thickness = (random.uniform(*ends, (BARS, 1, 1)) for ends in (BAR_LENGTH, BAR_WIDTH))
    along = np.abs((x - right) * np.cos(angle) + (y - down) * np.sin(angle)) - length / 2
    across = np.abs((y - down) * np.cos(angle) - (x - right) * np.sin(angle)) - thickness / 2
    cover = (0.5 - size * np.maximum(along, across)).clip(0, 1)
    free = np.cumprod(1 - cover, axis=0)  # what each bar leaves of those after it
    seen = np.concatenate([cover[:1], cover[1:] * free[:-1]])
    colours = coloured(random.standard_normal((4, 1, BARS)))[:, 0]
    return np.asarray(np.einsum("cb,byx->cyx", colours, seen))


def checkerboard(random: np.random.Generator, pool: Images) -> Floats:
    """Checks of 0 and 1 at a random phase, and so of either polarity."""
    height, width = pool.pixels.shape[2:]
    side = max(1, round(CHECK * max(height, width)))
    down, right = random.integers(2 * side, size=2)
    light = ((np.arange(height)[:, None] + down) // side + (np.arange(width) + right) // side) % 2
    return np.broadcast_to(light.astype(np.float64), (3, height, width))


def _any_image(random: np.random.Generator, pool: Images) -> Floats:
    return pool.pixels[int(random.integers(len(pool)))].numpy().astype(np.float64)
