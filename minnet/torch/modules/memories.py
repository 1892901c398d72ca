"""A chain of modules with one memory, and the encoder that makes it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from minnet.torch.modules.containers import check_mask


class Decoder(nn.Sequential):
    """A `torch.nn.Sequential`, which hands the memory and the masks to the modules that take them."""

    def __init__(self, parts: Mapping[str, nn.Module], users: list[bool], takers: list[bool]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self._users, self._takers = users, takers

    def forward(  # type: ignore[override]
        self, x: Any, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Any:
        """Map x and the memory (N, S, D) to y."""
        check_mask(self, mask)
        for module, uses, takes in zip(self, self._users, self._takers, strict=True):
            given: dict[str, Any] = {"mask": mask} if uses and mask is not None else {}
            x = module(x, **given, **({"memory": memory, "memory_mask": memory_mask} if takes else {}))
        return x


class EncoderDecoder(nn.Module):
    """y = decoder(target, encoder(source))."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(
        self, source: Tensor, target: Tensor, source_mask: Tensor | None = None, target_mask: Tensor | None = None
    ) -> Any:
        """Map a source (N, S, ...) and a target (N, T, ...) to y (N, T, ...)."""
        memory = self.encoder(source) if source_mask is None else self.encoder(source, mask=source_mask)
        return self.decoder(target, memory, mask=target_mask, memory_mask=source_mask)
