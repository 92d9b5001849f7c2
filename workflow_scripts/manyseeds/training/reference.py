"""Training as a plain loop: one attempt at one instance, without interruption.

`engine` must give the same weights, bit for bit.
"""

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from manyseeds import streams
from manyseeds.data.feeding import to_device
from manyseeds.data.images import Images
from manyseeds.devices import make_deterministic
from manyseeds.models import build
from manyseeds.models.forward import as_batch, dropout
from manyseeds.models.seeding import seed_all
from manyseeds.models.spec import Weights
from manyseeds.training.minibatches import crop_and_flip, draw_crops, minibatches
from manyseeds.training.recipes import Task


def train_plainly(
    task: Task, initial: Weights, images: Images, device: torch.device, *, attempt: int = 0
) -> dict[int, dict[str, NDArray]]:
    """Train one attempt at an instance; return its weights at checkpoints, by epoch and name (methods 3)."""
    recipe = task.recipe
    make_deterministic(recipe.precision)
    if recipe.compile:
        torch.use_deterministic_algorithms(True)  # the compiler too
    module = build.build(task.network, images.image_shape, images.n_categories)
    build.load(module, task.initial_weights(images, initial, attempt), source=f"initial weights of {task.name}")
    # torch does not declare `memory_format`.
    module = module.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(task.trains(name))
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=recipe.learning_rate, momentum=recipe.momentum)
    masks = torch.Generator(device)
    labels = torch.from_numpy(images.labels)
    answer = torch.compile(_loss_and_logits, dynamic=False) if recipe.compile else _loss_and_logits
    if task.perturb is not None and task.perturb.epoch == 0:
        _perturb(module, task)
    checkpoints = {0: build.weights_of(module)} if 0 in recipe.checkpoints else {}
    module.train()
    with dropout(module, recipe.dropout_after, recipe.dropout, masks):
        for epoch in range(recipe.epochs):
            if task.perturb is not None and task.perturb.epoch == epoch > 0:
                _perturb(module, task)
            optimiser.param_groups[0]["lr"] = recipe.learning_rate_at(epoch)
            for step, batch in enumerate(minibatches(task, len(labels), attempt=attempt, epoch=epoch)):
                inputs = to_device(images.inputs[batch], device)
                if recipe.augmentation == "crop_flip":
                    crops = draw_crops(task, *images.inputs.shape[:2], attempt=attempt, epoch=epoch)
                    inputs = crop_and_flip(inputs, crops[:, batch])
                mask_stream = task.address("dropout", attempt)
                own_stream: streams.Address = {**mask_stream, "purpose": "dropout/own"}
                masks.manual_seed(streams.torch_seed(**mask_stream, epoch=epoch, step=step))
                seed_all(streams.torch_seed(**own_stream, epoch=epoch, step=step))
                loss, _ = answer(module, inputs, labels[batch].to(device), recipe.precision)
                optimiser.zero_grad()
                loss.backward()
                # The gradient of l2 * sum(w^2), clipped with the rest.
                for parameter in trained:
                    if parameter.ndim > 1 and parameter.grad is not None:
                        parameter.grad.add_(parameter.detach(), alpha=2 * recipe.l2)
                nn.utils.clip_grad_norm_(trained, recipe.clip_norm)
                optimiser.step()
            if epoch + 1 in recipe.checkpoints:
                checkpoints[epoch + 1] = build.weights_of(module)
    return checkpoints


def _perturb(module: nn.Module, task: Task) -> None:
    """Change one weight, found by its number in the flattened parameter."""
    assert task.perturb is not None
    parameters = dict(module.named_parameters())
    name = task.perturb.parameter or next(name for name, weights in parameters.items() if weights.ndim == 4)
    flat = parameters[name].detach().contiguous().view(-1).clone()
    if task.perturb.kind == "ulp":
        flat[task.perturb.index] = torch.nextafter(
            flat[task.perturb.index], flat[task.perturb.index].sign() * torch.inf
        )
    else:
        flat[task.perturb.index] *= task.perturb.factor
    with torch.no_grad():
        parameters[name].copy_(flat.view(parameters[name].shape))


def _loss_and_logits(module: nn.Module, inputs: Tensor, labels: Tensor, precision: str) -> tuple[Tensor, Tensor]:
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits = module(as_batch(inputs)).float()
    return functional.cross_entropy(logits, labels), logits
