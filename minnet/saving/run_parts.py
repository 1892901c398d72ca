"""The parts of a run, everything in them that remembers something, and how they were when the run began."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from minnet.core.layer import Layer
from minnet.core.objects import Objects, is_function, kind_of
from minnet.core.rows import Row
from minnet.core.state import State, attributes
from minnet.data.prefetch import unwrapped
from minnet.losses import Loss
from minnet.optimizers import MultiOptimizer, Optimizer
from minnet.saving import loaders
from minnet.saving.settings import CLASS, Settings, as_text, differences, settings_of

OF_OPTIMIZER = ("parameters", "param_groups", "state", "_scratch")  # of its attributes, what its state_dict has
OF_MULTI = ("optimizers",)  # the same, of a MultiOptimizer


@dataclass(frozen=True)
class RunParts:
    """The parts of a training run whose state a checkpoint holds: those of the Trainer, and the arguments of `fit`."""

    model: Layer
    loss: Loss
    optimizer: Optimizer
    metrics: Mapping[str, Any]
    sets: Mapping[str, Any]
    loader: Iterable[Any]
    callbacks: Sequence[Any]
    history: list[Row]
    state: Any  # the TrainingState
    parallel: Any  # the ParallelSteps, whose copies of the model have Generators and attributes of their own
    trainer: Any  # a subclass may have attributes of its own

    @property
    def read(self) -> Any:
        """The loader that is read, which a Prefetch reads ahead: its state is the run's."""
        return unwrapped(self.loader)

    def owners(self) -> dict[str, Layer]:
        """Return the model and the loss, and the copies of both that the threads have."""
        owners: dict[str, Layer] = {"model": self.model, "loss": self.loss}
        for i, (model, loss) in enumerate(self.parallel.copies, 1):
            owners |= {f"threads[{i}].model": model, f"threads[{i}].loss": loss}
        return owners

    def layers(self) -> Iterator[tuple[str, Layer]]:
        """Walk the layers of all owners, as (path, layer)."""
        for name, owner in self.owners().items():
            for path, layer in owner.named_layers():
                yield (f"{name}.{path}" if path else name), layer

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the optimizer, and those that it joins, by their paths."""
        joined = self.optimizer.optimizers if isinstance(self.optimizer, MultiOptimizer) else []
        return {"optimizer": self.optimizer} | {f"optimizer.optimizers[{i}]": one for i, one in enumerate(joined)}

    def loaders(self) -> dict[str, Any]:
        """Return all loaders, by their paths."""
        return loaders.with_source("loader", self.read) | {
            f"sets[{name!r}]": loader for name, loader in self.sets.items()
        }

    def covered(self) -> list[object]:
        """List what has a place of its own in a checkpoint, wherever else it is found."""
        layers = [layer for _, layer in self.layers()]
        arrays = [array for owner in self.owners().values() for _, array in owner.named_arrays()]
        parts = [*self.optimizers().values(), self.metrics, self.history, self.state, self.parallel, self.trainer]
        return [*layers, *arrays, *self.optimizer.parameters, *self.callbacks, *self.loaders().values(), *parts]

    def trainer_attributes(self) -> State:
        """Return the plain data that a subclass of the Trainer has of its own, or that a script gave it."""
        return {name: value for name, value in attributes(self.trainer).items() if name not in self.trainer._own}

    def frozen(self) -> list[str]:
        """List the Parameters that are not trainable."""
        return [name for name, parameter in self.model.named_parameters() if not parameter.trainable]


class Survey:
    """All objects in the parts of a run that remember something, and the settings of all parts."""

    def __init__(self, parts: RunParts) -> None:
        self.parts = parts
        self.layers = list(parts.layers())
        self.frozen = parts.frozen()
        self.covered = parts.covered()
        self.objects = self._objects()  # in all parts but the loaders
        walks = [("", self.objects)]
        walks += [(path, loaders.walk(loader, self.covered)) for path, loader in parts.loaders().items()]
        self.found = {path + name: part.value for path, walk in walks for name, part in walk.found.items()}
        self.lost = {path + name: kind for path, walk in walks for name, kind in walk.lost.items()}

    @cached_property
    def settings(self) -> dict[str, Settings]:
        """The settings of all parts, by their paths."""
        parts = self.parts
        own = settings_of(parts.optimizer, OF_OPTIMIZER)
        del own.given[CLASS]  # which it compares itself
        found = {"trainer": settings_of(parts.trainer, parts.trainer._own), "optimizer": own}
        for i, group in enumerate(parts.optimizer.param_groups):
            texts = {name: text for name, option in group.items() if name != "params" and (text := as_text(option))}
            found[f"optimizer.param_groups[{i}]"] = Settings(texts, {}, {})
        names = {id(parameter): name for name, parameter in parts.model.named_parameters()}
        for i, parameter in enumerate(parts.optimizer.parameters):
            name = names.get(id(parameter), "one that is not in the model")
            found[f"optimizer.parameters[{i}]"] = Settings({CLASS: name}, {}, {})
        found |= {path: settings_of(layer) for path, layer in self.layers if not path.startswith("threads")}
        found["model"].given["frozen"] = str(as_text(self.frozen))
        found |= {f"metrics[{name!r}]": settings_of(metric) for name, metric in parts.metrics.items()}
        found |= {
            f"callbacks[{i}]": settings_of(callback)
            for i, callback in enumerate(parts.callbacks)
            if not decides(callback) or type(callback).__module__.startswith("minnet.")
        }
        for path, loader in parts.loaders().items():
            found[path] = settings_of(loader, loaders.left_out(loader))
            found[path].fixed.update(loaders.data(loader))
        return found | {path: settings_of(value) for path, value in self.found.items()}

    def _objects(self) -> Objects:
        parts, found = self.parts, Objects(self.covered)
        for path, layer in self.layers:
            found.add(path, layer)
        for name, metric in parts.metrics.items():
            (found.add_value if is_function(metric) else found.add)(f"metrics[{name!r}]", metric)
        for i, callback in enumerate(parts.callbacks):
            if not decides(callback):
                found.add(f"callbacks[{i}]", callback)
        for path, optimizer in parts.optimizers().items():
            found.add(path, optimizer, leave=(*OF_OPTIMIZER, *OF_MULTI * isinstance(optimizer, MultiOptimizer)))
        found.add("trainer", parts.trainer, leave=parts.trainer._own)
        return found


class Beginning:
    """How the parts of a run were when it began.

    It is compared with the beginning of the run that wrote a checkpoint. What a survey finds later in another place, or
    with another class, cannot be restored, because a script that is started again does not make it.
    """

    def __init__(self, survey: Survey) -> None:
        self.kinds: dict[str, str] = {}
        self.note_objects(survey)
        self.given = {path: found.given for path, found in survey.settings.items()}
        self.others = {path: found.others for path, found in survey.settings.items()}
        self._fixed = {path: found.fixed for path, found in survey.settings.items()}
        self._changed: dict[str, bool] = {}
        self.forms: State | None = None  # place → what stands there, see `minnet.saving.kept`
        self.left_out: dict[str, str] = {}  # place → why it is left out of checkpoints

    def note_objects(self, survey: Survey) -> None:
        """Note which objects there are; the callbacks make some when the run begins."""
        self.kinds |= {path: kind_of(value) for path, value in survey.found.items()}

    def state_dict(self, survey: Survey) -> State:
        """Return what is to be compared, and which settings have changed since."""
        self._changed = dict(self._changes(survey))
        return {"given": self.given, "others": self.others, "changed": list(self._changed)}

    def lost(self, survey: Survey) -> dict[str, str]:
        """Return what may have changed since the beginning and cannot be kept: its place → what it is.

        It is called after `state_dict`, which compares the settings.
        """
        lost = dict(survey.lost)
        for path, value in survey.found.items():
            if self.kinds.get(path) != (kind := kind_of(value)):
                lost[path] = f"{kind}, which is not there when the script is started again"
        lost |= {place: "it was changed while training" for place, fixed in self._changed.items() if fixed}
        return lost | self.left_out

    def differences(self, then: State, *, fresh: bool) -> list[str]:
        """List how another beginning differs.

        A Trainer that is not fresh, because it was interrupted in the same process, has the parts that it had, with
        whatever training made of their options.
        """
        given, changed = self.given, then["changed"]
        if not fresh:
            trained = {
                path: texts for path, texts in given.items() if not path.startswith(("callbacks", "loader", "sets"))
            }
            changed = [*changed, *(f"{path}.{name}" for path, texts in trained.items() for name in texts)]
        return differences(given, then["given"], () if fresh else changed)

    def _changes(self, survey: Survey) -> Iterator[tuple[str, bool]]:
        """Yield the settings that have changed, and whether each is something that cannot be restored."""
        for path, now in survey.settings.items():
            pairs = ((now.given, self.given), (now.others, self.others), (now.fixed, self._fixed))
            for texts, before in pairs:
                for name, text in texts.items():
                    if before.get(path, {}).get(name, text) != text:
                        yield (path if name == CLASS else f"{path}.{name}"), name == CLASS or name in now.fixed


def decides(callback: Any) -> bool:
    """Whether a callback says itself what is to be kept, so that nothing else is looked for in it."""
    return str(type(callback).state_dict.__module__) != "minnet.callbacks.base"
