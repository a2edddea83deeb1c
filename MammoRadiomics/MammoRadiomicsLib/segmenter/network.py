"""The U-Net, and the file of it: grey values go in as they are, probabilities come out.

What is done to grey values is part of the network, so that it is the same in training, in a file and for every
vendor and bit depth.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from monai.networks.nets import UNet
from torch import nn

# The network's grey values are centred and scaled by what lies around the click, with Gaussian weights of this share
# of the patch: air, film edges and burnt-in labels farther away then do not change the lesion's contrast.
_AROUND = 1 / 6
_CLIP = 5.0
_FLATTEST = 1e-6
_MIRRORS: tuple[list[int], ...] = ([], [2], [3], [2, 3])
_OPSET = 17
_WORTH_HALVING = 256


def unet(width: int) -> nn.Module:
    """Return MONAI's residual U-Net of four levels; `width` channels in the first, about 0.4 million weights for 16."""
    channels = (width, 2 * width, 4 * width, 8 * width)
    return UNet(2, 2, 1, channels, (2, 2, 2), num_res_units=2, norm="batch")


class Standardised(nn.Module):
    """A network behind the standardisation of the first channel.

    Parameters
    ----------
    network : Module
        From (batch, 2, pixels, pixels) to logits (batch, 1, pixels, pixels).
    pixels : int
    """

    def __init__(self, network: nn.Module, pixels: int):
        super().__init__()
        self.network = network
        sigma = pixels * _AROUND
        along = torch.exp(-0.5 * ((torch.arange(pixels) - (pixels - 1) / 2) / sigma) ** 2)
        weights = along[:, None] * along[None, :]
        self.register_buffer("weights", (weights / weights.sum())[None, None])

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        grey, click = patches[:, :1], patches[:, 1:]
        centred = grey - (grey * self.weights).sum((2, 3), keepdim=True)
        spread = (centred * centred * self.weights).sum((2, 3), keepdim=True).sqrt()
        return self.network(torch.cat([(centred / (spread + _FLATTEST)).clamp(-_CLIP, _CLIP), click], 1))


class Averaged(nn.Module):
    """The mean probability of several networks over the patch and its mirror images.

    Parameters
    ----------
    members : list of Module
        As :class:`Standardised`.
    """

    def __init__(self, members: list[nn.Module]):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, patch: torch.Tensor) -> torch.Tensor:
        turned = torch.cat([patch.flip(axes) if axes else patch for axes in _MIRRORS])
        mean = sum(member(turned).sigmoid() for member in self.members) / len(self.members)
        back = [each.flip(axes) if axes else each for each, axes in zip(mean.split(1), _MIRRORS, strict=True)]
        return sum(back) / len(_MIRRORS)


def to_onnx(members: list[nn.Module], pixels: int) -> bytes:
    """Return the mean of networks as an ONNX file, its larger weights as 16-bit floats: half the size."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    content = io.BytesIO()
    with warnings.catch_warnings():
        # Torch's newer way needs one more package and ten times as long.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Averaged([member.cpu().eval() for member in members]).eval(),
            (torch.zeros(1, 2, pixels, pixels),),
            content,
            input_names=["patch"],
            output_names=["probability"],
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(content.getvalue())
    for i, tensor in enumerate(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= _WORTH_HALVING:
            name = tensor.name
            half = numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
            model.graph.initializer[i].CopyFrom(half)
            model.graph.node.insert(0, helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    onnx.checker.check_model(model)
    return model.SerializeToString()
