"""An explained step: from what a user gives to an Explanation."""

from typing import Any

from minnet.core.layer import Layer
from minnet.explaining.experiment import Experiment, Run
from minnet.explaining.explanation import Explanation
from minnet.explaining.given import check_parts, examples, samples_of
from minnet.explaining.steps import Steps
from minnet.explaining.why import why_of
from minnet.layers import Sequential

SHORT = 100


def explained(model: Layer, loss: Layer, x: Any, y: Any, why: str | None) -> Explanation:
    """Return the explanation of one step: see `minnet.explain`."""
    check_parts(model, loss)
    experiment, run = _first_run(model, loss, x, y)
    steps = Steps(experiment, run, samples_of(experiment.x, experiment.y))
    of_model = steps.of_model()
    return Explanation(
        model=_described(model),
        training=model.training,
        samples=steps.samples,
        inputs=steps.of_inputs(),
        steps=of_model,
        loss=steps.of_loss(),
        value=run.value,
        why=None if why is None else why_of(why, experiment, run, of_model),
    )


def _first_run(model: Layer, loss: Layer, x: Any, y: Any) -> tuple[Experiment, Run]:
    """Run the step with what x and y may mean; if nothing works, the error of the first."""
    errors: list[Exception] = []
    for one, other in examples(model, x, y):
        experiment = Experiment(model, loss, one, other)
        try:
            return experiment, experiment.run()
        except (TypeError, ValueError, IndexError) as error:
            errors.append(error)
    raise errors[0]


def _described(model: Layer) -> str:
    """Return what a model is, in one line: of a short Sequential, with its layers."""
    if type(model) is Sequential:
        full = f"Sequential({', '.join(layer.describe() for layer in model.layers)})"
        return full if len(full) <= SHORT else f"a Sequential of {len(model.layers)} layers"
    return model.describe()
