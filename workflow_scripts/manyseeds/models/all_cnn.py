"""All-CNNs as torch modules (Springenberg et al., 2014)."""

from torch import Tensor, nn
from torch.nn import functional

from manyseeds.models import rectifier, spec
from manyseeds.models.spec import Network


class RectifiedConvolution(nn.Conv2d):
    """A convolution with its ReLU, so that one module's output is one analysed layer."""

    def __init__(self, *args, rectify: bool = True, **options) -> None:
        super().__init__(*args, **options)
        self.rectify = rectify

    def forward(self, input: Tensor) -> Tensor:
        """Return the (rectified) responses [batch, channels, height, width]."""
        if self.rectify and self.bias is not None and rectifier.applies_to(self.weight):
            response = self._conv_forward(input, self.weight, None)
            return rectifier.rectified(response, self.bias)
        response = super().forward(input)
        # In place saves a pass through memory: autograd needs only the ReLU's output, and nothing needs its input.
        return functional.relu_(response) if self.rectify else response


class AllCNN(nn.Module):
    """All-convolutional network (Springenberg et al., 2014): convolutions, global average pooling, logits.

    Images are [batch, channels, height, width]; logits are [batch, categories].
    """

    def __init__(self, network: Network, in_channels: int, n_categories: int) -> None:
        super().__init__()
        layers = spec.convolutions(network, n_categories)
        self.layer_names = [layer.name for layer, _ in layers]
        for layer, out_channels in layers:
            rectify = network.readout_relu or layer.name != self.layer_names[-1]
            convolution = RectifiedConvolution(
                in_channels, out_channels, layer.kernel, layer.stride, layer.padding, rectify=rectify
            )
            self.add_module(layer.name, convolution)
            in_channels = out_channels

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [batch, categories]."""
        for name in self.layer_names:
            images = getattr(self, name)(images)
        return images.float().mean(dim=(2, 3))  # float32 in bf16 too: logits of 8 bits would take few values
