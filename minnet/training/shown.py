"""What a Trainer shows at the prompt: its parts, the options that are not the default, and how far it is."""

from typing import Any

from minnet.core.described import counted
from minnet.core.layer import Layer
from minnet.layers.containers.container import Container

DEFAULTS = {"accumulate": 1, "threads": 1, "compiled": False, "nonfinite": "stop"}


def shown(trainer: Any) -> str:
    """Return the text, a line for each part."""
    lines = [f"model: {_model(trainer.model)}", f"loss: {trainer.loss!r}", f"optimizer: {trainer.optimizer!r}"]
    if trainer.metrics:
        lines.append(f"metrics: {', '.join(trainer.metrics)}")
    options = [
        f"{name}={value!r}" for name, default in DEFAULTS.items() if (value := getattr(trainer, name)) != default
    ]
    if options:
        lines.append(f"options: {', '.join(options)}")
    lines.append(f"trained: {counted(trainer.step, 'step')}, {counted(trainer.epoch, 'epoch')}")
    inside = "\n".join(lines).replace("\n", "\n  ")
    return f"{type(trainer).__name__}(\n  {inside}\n)"


def _model(model: Layer) -> str:
    text = model.describe()
    if isinstance(model, Container):
        text = f"{type(model).__name__} of {counted(len(model), 'layer')}"
    return f"{text}, {counted(sum(p.data.size for p in model.parameters()), 'parameter')}"
