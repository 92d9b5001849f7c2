"""Names of variants, the same in paths, tables and figures (methods 11)."""

TRAINED, PERMUTED, UNTRAINED = "trained", "permuted", "epoch0"


def epoch(number: int) -> str:
    """Return the name of the weights after some epochs."""
    return f"epoch{number}"


def noise(r: float) -> str:
    """Return the name of a variant with noise of an expected correlation r."""
    return f"noise_{r:g}"


def rescale(spread: float) -> str:
    """Return the name of a variant with rescaled kernels."""
    return f"rescaled_{spread:g}"


def finetuned(distortion: str, learning_rate: float) -> str:
    """Return the name of a variant that was trained further on distorted images."""
    return f"finetuned_{distortion}_{learning_rate:g}"
