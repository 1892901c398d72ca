"""What an optimizer shows at the prompt: how many Parameters it has, and the options that are not the default."""

from typing import Any

from minnet.core.arguments import signature_of
from minnet.core.described import counted, wrapped
from minnet.core.parameter import Parameter
from minnet.core.state import same

OF_ALL = ("weight_decay", "decay_biases", "decoupled_weight_decay")  # a class may have decided on these itself


def shown(optimizer: Any) -> str:
    """Return the text, with a line for each group if there are several."""
    kind, groups = type(optimizer), [options_of(type(optimizer), group) for group in optimizer.param_groups]
    shared = {name: value for name, value in groups[0].items() if all(same(g.get(name, g), value) for g in groups)}
    line = wrapped(f"{kind.__name__}({', '.join([_parameters(optimizer.parameters), *_texts(shared)])})")
    if len(groups) == 1:
        return line
    lines = [line.removesuffix(")")]
    for i, group in enumerate(optimizer.param_groups):
        own = {name: value for name, value in groups[i].items() if name not in shared}
        lines.append(wrapped(f"  param_groups[{i}]: {', '.join([_parameters(group['params']), *_texts(own)])}"))
    return "\n".join([*lines, ")"])


def _parameters(parameters: list[Parameter]) -> str:
    """Say how many Parameters there are, of how many numbers, and how many are frozen."""
    frozen = sum(not parameter.trainable for parameter in parameters)
    numbers = counted(sum(parameter.data.size for parameter in parameters), "number")
    return f"{counted(len(parameters), 'Parameter')} of {numbers}" + f" ({frozen:,} frozen)" * bool(frozen)


def options_of(kind: type, group: dict[str, Any]) -> dict[str, Any]:
    """Return the learning rate of a group, and its options that are not the default of the class."""
    defaults = {name: argument.default for name, argument in signature_of(kind).items()}
    hidden = {"params", "lr", *(name for name in OF_ALL if name not in defaults)}
    others = {name: value for name, value in group.items() if name not in hidden}
    given = {name: value for name, value in others.items() if not same(value, defaults.get(name, hidden))}
    return {"lr": group["lr"]} | given


def _texts(options: dict[str, Any]) -> list[str]:
    return [f"{name}={value!r}" for name, value in options.items()]
