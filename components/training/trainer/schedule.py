"""The learning rate over a run: a linear warm-up, then a cosine down to 0."""

import math


def learning_rate_share(step: int, *, num_steps: int, warm_up_share: float) -> float:
    """Share of the peak learning rate at a step.

    Parameters
    ----------
    step
        Steps of the optimiser done so far, 0 or more.
    num_steps
        Steps of the whole run, 1 or more.
    warm_up_share
        Share of them that the rate rises over, 0 to below 1; at least one step.

    Returns
    -------
    float
        0 to 1.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), equation 5, without
    restarts; Goyal et al., "Accurate, Large Minibatch SGD" (2017), section 2.2, for the warm-up.
    """
    warm_up = max(int(num_steps * warm_up_share), 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * min((step - warm_up) / max(num_steps - warm_up, 1), 1.0)))
