"""Compiled steps: forward and backward pass as C++ code from torch's inductor."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from torch import Tensor, nn

from manyseeds.errors import StudyError
from manyseeds.training.platforms import Platform
from manyseeds.training.steps import loss_and_logits
from manyseeds.training.stores import COMPILED

RECOMPILATIONS = 64
"""Largest number of minibatch sizes and networks that one process compiles."""

ADVICE = "set the config key training.compile to false"


def compiler() -> str:
    """Return the name and version of the C++ compiler that inductor calls.

    Raises
    ------
    StudyError
        If there is no C++ compiler.
    """
    from torch._inductor import cpp_builder, exc

    try:
        command = cpp_builder.get_cpp_compiler()
        answer = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    except (exc.InvalidCxxCompiler, OSError, subprocess.CalledProcessError) as problem:
        reason = " ".join(str(problem).split())
        raise StudyError(
            f"Compiled training needs a C++ compiler such as g++ ({reason}): install one, or {ADVICE}."
        ) from problem
    return answer.splitlines()[0].strip()


def configure(stores: Path, platform: Platform) -> None:
    """Set up inductor so that its code is reproducible and lies beside the study's stores.

    On a GPU, and without a compiler in the platform, nothing is set up.

    Parameters
    ----------
    stores
        Folder of the stores. Each platform's code has its own folder there.
    """
    if platform.compiler is None or not platform.is_cpu:
        return
    import torch._dynamo.config
    import torch._functorch.config
    import torch._inductor.codecache
    import torch._inductor.config

    name = hashlib.blake2b(str(platform).encode(), digest_size=8).hexdigest()
    folder = str((stores / COMPILED / name).absolute())
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    cache = torch._inductor.codecache
    cache._HEADER_DIR = os.path.join(folder, "precompiled_headers")  # otherwise left in /tmp
    cache._HEADER_LOCK_DIR = os.path.join(cache._HEADER_DIR, "locks")
    inductor = torch._inductor.config
    inductor.compile_threads = 1  # a job has one thread
    inductor.fallback_random = True  # dropout masks as without compiling
    inductor.fx_graph_cache = torch._functorch.config.enable_autograd_cache = False  # both hold pickles
    dynamo = torch._dynamo.config
    dynamo.recompile_limit = RECOMPILATIONS
    dynamo.fail_on_recompile_limit_hit = True  # otherwise torch continues uncompiled, with other bits


@cache
def _compiled() -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the compiled step; torch compiles it at the first call for each network structure."""
    import torch._inductor.config

    torch._inductor.config.deterministic = True  # `make_deterministic` leaves the compiler alone
    return torch.compile(loss_and_logits, dynamic=False)


def compiled_loss_and_logits(
    module: nn.Module, images: Tensor, labels: Tensor, precision: str
) -> tuple[Tensor, Tensor]:
    """Return the same as `steps.loss_and_logits`, from compiled code.

    Raises
    ------
    StudyError
        If the network cannot be compiled.
    """
    try:
        return _compiled()(module, images, labels, precision)
    except Exception as problem:  # from torch, the compiler, or the network while it is traced
        first = next((line for line in str(problem).splitlines() if line.strip()), type(problem).__name__)
        raise StudyError(f"A step of this network cannot be compiled ({first.strip()[:300]}): {ADVICE}.") from problem
