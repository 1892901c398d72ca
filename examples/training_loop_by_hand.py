"""The training loop by hand, without a Trainer: five lines make a step.

python examples/training_loop_by_hand.py
"""

import minnet as mn


def main(epochs: int = 3, data: str | None = None) -> float:
    """Train a network of two layers on the digits; return its accuracy on the test digits."""
    ((train_X, train_y), _, (test_X, test_y)), which = mn.data.load_digits(data)
    print(which)

    model = mn.Sequential(mn.Linear(784, 64, rng=0), mn.ReLU(), mn.Linear(64, 10, rng=1), mn.Softmax())
    loss = mn.CrossEntropyLoss()
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = mn.DataLoader(train_X, train_y, batch_size=128, shuffle=True, rng=0)
    print(mn.summary(model, 784))

    for epoch in range(1, epochs + 1):
        total = 0.0
        for x, y in batches:
            optimizer.zero_grad()  # 1. set gradients to zero: backward adds
            p = model.forward(x)  # 2. predict
            value = loss.forward(p, y)  # 3. measure how wrong that is
            model.backward(loss.backward())  # 4. compute the gradients
            optimizer.step()  # 5. change each Parameter a little
            total += value * len(x)

        model.eval()
        accuracy = (model.forward(test_X).argmax(axis=1) == test_y).mean()
        model.train()
        print(f"epoch {epoch}: training loss {total / len(train_X):.4f}, test accuracy {100 * accuracy:.2f}%")
    return float(accuracy)


if __name__ == "__main__":
    main()
