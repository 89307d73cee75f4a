"""The learning rate over a run: a linear warm-up, then a cosine down to 0."""

import math


def learning_rate_share(step: int, *, num_steps: int, warm_up_share: float) -> float:
    """Share of the peak learning rate, 0 to 1, after `step` steps of the optimiser; the warm-up is 1 step or more.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), equation 5, without restarts;
    Goyal et al., "Accurate, Large Minibatch SGD" (2017), section 2.2, for the warm-up.
    """
    warm_up = max(int(num_steps * warm_up_share), 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * min((step - warm_up) / max(num_steps - warm_up, 1), 1.0)))
