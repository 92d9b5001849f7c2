"""Networks of one's own give the same bits from the same seed, or are refused before any work."""

import random
import sys

import numpy as np
import pytest
import torch
from torch import nn

from manyseeds.errors import StudyError
from manyseeds.models import build, repeatability, seeding
from manyseeds.models.initialisation import initial_weights
from manyseeds.models.spec import Network

SHAPE = (8, 8, 3)


class Own(nn.Module):
    """A network whose parts others replace."""

    def __init__(self, num_classes):
        super().__init__()
        self.convolution, self.normalisation = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.readout = nn.Linear(4, num_classes)
        self.register_buffer("shift", self.drawn())

    def drawn(self):
        return torch.zeros(())

    def factor(self, images):
        return 1.0

    def logits(self, images):
        maps = self.normalisation(self.convolution(images)) + self.shift
        return self.readout(self.factor(images) * maps.relu().mean(dim=(2, 3)))

    def forward(self, images):
        return self.logits(images)


class OfNumpy(Own):
    def drawn(self):
        return torch.tensor(np.random.rand())  # noqa: NPY002

    def factor(self, images):
        return np.random.rand() if self.training else 1.0  # noqa: NPY002


class OfPython(Own):
    def drawn(self):
        return torch.tensor(random.random())

    def factor(self, images):
        return random.random() if self.training else 1.0


class OfTorch(Own):
    def drawn(self):
        return torch.rand(())

    def factor(self, images):
        return nn.functional.dropout(torch.ones(len(images), 4), training=self.training)


class Unseeded(Own):
    def drawn(self):
        return torch.tensor(np.random.default_rng().random())


class UnseededInTraining(Own):
    def factor(self, images):
        return np.random.default_rng().random() if self.training else 1.0


class AlwaysRandom(Own):
    def factor(self, images):
        return nn.functional.dropout(torch.ones(len(images), 4), training=True)


class TwoOutputs(Own):
    def forward(self, images):
        return (self.logits(images), self.logits(images)) if self.training else self.logits(images)


class Flattened(Own):
    def forward(self, images):
        return self.logits(images).flatten() if self.training else self.logits(images)


class Untrainable(Own):
    def forward(self, images):
        if self.training:
            raise NotImplementedError("no training")
        return self.logits(images)


class Leaving(Own):
    def forward(self, images):
        if self.training:
            sys.exit("left")
        return self.logits(images)


def own(kind: type, **options) -> Network:
    return Network(f"{__name__}.{kind.__name__}", **options)


@pytest.mark.parametrize("kind", [Own, OfNumpy, OfPython, OfTorch])
@pytest.mark.parametrize("initialisation", ["own", "he_normal"])
def test_a_network_that_draws_from_global_generators_is_repeated_by_its_seed(kind, initialisation):
    network = own(kind, initialisation=initialisation)
    repeatability.check(network, SHAPE, 5)
    before = seeding.states_of_others()
    shifts = [initial_weights(network, SHAPE, 5, root_seed=0, seed=seed)["shift"].item() for seed in (0, 0, 1)]
    assert shifts[0] == shifts[1]
    assert (shifts[0] != shifts[2]) == (kind is not Own)
    assert seeding.states_of_others() == before  # the caller's own streams are left alone


def test_a_check_leaves_the_buffers_of_a_network():
    network = own(Own)
    module = build.build(network, SHAPE, 5)
    before = build.weights_of(module)
    repeatability.check_training(module, network, SHAPE, 5)
    after = build.weights_of(module)
    assert all(array.tobytes() == after[name].tobytes() for name, array in before.items())


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (own(Unseeded), "Unseeded draws shift from a source that the study's seed does not reach, so no run"),
        (own(UnseededInTraining), "UnseededInTraining draws from a source .* in training mode, so no training"),
        (own(AlwaysRandom), "AlwaysRandom answers the same images differently each time in evaluation mode"),
        (own(TwoOutputs), r"TwoOutputs returns a tuple in training mode, expected logits of shape \(2, 5\)"),
        (own(Flattened), r"Flattened returns an output of shape \(10,\) in training mode, expected logits"),
        (own(Untrainable), r"Untrainable fails in training mode on 2 images .*\(NotImplementedError: no training\)"),
        (own(Leaving), r"Leaving fails in training mode on 2 images .*\(SystemExit: left\)"),
    ],
    ids=lambda value: value.architecture.rpartition(".")[2] if isinstance(value, Network) else "",
)
def test_a_network_that_cannot_be_repeated_or_trained_is_refused(network, sentence):
    with pytest.raises(StudyError, match=f"^networks: .*{sentence}"):
        repeatability.check(network, SHAPE, 5)


@pytest.mark.slow
def test_googlenet_is_refused_for_its_outputs_in_training_mode():
    with pytest.raises(StudyError, match="googlenet returns a GoogLeNetOutputs in training mode"):
        repeatability.check(Network("googlenet"), (32, 32, 3), 5)
