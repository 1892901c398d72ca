"""What a Trainer shows at the prompt."""

import numpy as np

import minnet as mn


def test_a_trainer_shows_its_parts_and_how_far_it_is():
    model = mn.Sequential(mn.Linear(3, 4, rng=0), mn.ReLU(), mn.Linear(4, 2, rng=1))
    loss = mn.SoftmaxCrossEntropyLoss(label_smoothing=0.1)
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), 0.1), accumulate=2)
    trainer.fit(mn.DataLoader(np.ones((8, 3)), np.arange(8) % 2, 4), epochs=1, progress=False)
    assert repr(trainer).splitlines() == [
        "Trainer(",
        "  model: Sequential of 3 layers, 26 parameters",
        "  loss: SoftmaxCrossEntropyLoss(label_smoothing=0.1)",
        "  optimizer: SGD(4 Parameters of 26 numbers, lr=0.1)",
        "  metrics: accuracy",
        "  options: accumulate=2",
        "  trained: 2 steps, 1 epoch",
        ")",
    ]


def test_a_trainer_of_one_layer_and_of_groups():
    class Mine(mn.Trainer):
        pass

    layer = mn.Linear(3, 2, rng=0)
    groups = [{"params": layer.weight}, {"params": layer.bias, "lr": 0.2}]
    assert repr(Mine(layer, mn.MSELoss(), mn.SGD(groups, 0.1))).splitlines() == [
        "Mine(",
        "  model: Linear(3, 2), 8 parameters",
        "  loss: MSELoss()",
        "  optimizer: SGD(2 Parameters of 8 numbers",
        "    param_groups[0]: 1 Parameter of 6 numbers, lr=0.1",
        "    param_groups[1]: 1 Parameter of 2 numbers, lr=0.2",
        "  )",
        "  trained: 0 steps, 0 epochs",
        ")",
    ]
