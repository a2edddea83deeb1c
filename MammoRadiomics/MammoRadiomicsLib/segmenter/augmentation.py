"""Patches around simulated clicks, as they are drawn in training.

A breast is hung either way up and a lesion has no right way round: mirrors and any angle. Lesions of one kind differ
in size, and the second pass of a proposal looks at another scale: a scale drawn from half to twice. Film, detector
and vendor bend the grey scale: a gamma, drawn on the range of each patch; offset and slope are undone by the
network's own standardisation. Detectors are noisy: a little white noise. What a mammogram does not do is left out:
elastic deformation (margins carry the meaning), colour, and cut-outs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from ..outline_patch import CLICK_PIXELS
from .draws import Clicks

_GAMMA, _NOISE = 0.35, 0.03


def cut(
    images: torch.Tensor, masks: torch.Tensor, clicks: Clicks, *, context_mm: float, patch_mm: float, pixels: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return patches (n, 2, pixels, pixels) and what should be outlined on them (n, 1, pixels, pixels).

    Parameters
    ----------
    images, masks : Tensor (cases, 1, side, side)
        Contexts.
    clicks : Clicks
    context_mm, patch_mm : float
        Sides.
    pixels : int
    """
    device = images.device
    as_tensor = lambda values: torch.as_tensor(np.asarray(values, np.float32), device=device)  # noqa: E731
    cosine, sine = as_tensor(np.cos(clicks.angle)), as_tensor(np.sin(clicks.angle))
    zoom = as_tensor(clicks.scale) * patch_mm / context_mm
    mirror = as_tensor(clicks.mirror)
    turn = torch.stack([torch.stack([mirror * cosine, -sine], 1), torch.stack([mirror * sine, cosine], 1)], 1)
    shift = as_tensor(clicks.centre_mm) / (context_mm / 2)
    grid = functional.affine_grid(
        torch.cat([turn * zoom[:, None, None], shift[:, :, None]], 2), (len(zoom), 1, pixels, pixels), False
    )
    case = torch.as_tensor(clicks.case, device=device)
    grey = functional.grid_sample(images[case], grid, "bilinear", "border", False)
    inside = functional.grid_sample(masks[case], grid, "bilinear", "zeros", False)
    inside = inside * as_tensor(~clicks.empty)[:, None, None, None]
    # The click on the turned patch: the offset turned back, in pixels.
    offset = torch.einsum("nji,nj->ni", turn, as_tensor(clicks.offset_mm)) / as_tensor(clicks.scale)[:, None]
    at = (pixels - 1) / 2 + offset * pixels / patch_mm
    along = torch.arange(pixels, device=device, dtype=torch.float32)
    columns, rows = (torch.exp(-0.5 * ((along - at[:, axis, None]) / CLICK_PIXELS) ** 2) for axis in (0, 1))
    return torch.cat([grey, (rows[:, :, None] * columns[:, None, :])[:, None]], 1), inside


def bend(patches: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return patches with a gamma drawn for each, and noise."""
    grey = patches[:, :1]
    low = grey.amin((2, 3), keepdim=True)
    span = (grey.amax((2, 3), keepdim=True) - low).clamp_min(1e-6)
    gamma = np.exp(rng.uniform(-_GAMMA, _GAMMA, len(patches)))
    gamma = torch.as_tensor(gamma, dtype=torch.float32, device=patches.device)[:, None, None, None]
    unit = ((grey - low) / span).clamp(0, 1) ** gamma
    strength = torch.as_tensor(rng.uniform(0, _NOISE, len(patches)), dtype=torch.float32, device=patches.device)
    noise = torch.from_numpy(rng.standard_normal(tuple(unit.shape), dtype=np.float32)).to(patches.device)
    unit = unit + strength[:, None, None, None] * unit.std((2, 3), keepdim=True) * noise
    return torch.cat([unit, patches[:, 1:]], 1)
