"""KFP faces of active learning."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def select_examples(
    predictions: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    examples: dsl.Input[dsl.Dataset],
    budget: int,
    strategies: str,
    seed: int,
    round_number: int,
    model_version: str,
    label_requests: dsl.Output[dsl.Dataset],
    selection_report: dsl.Output[dsl.HTML],
    selection_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Choose rows of a scored pool for people to label: where the model is unsure, unlike one another, some at random.

    Parameters
    ----------
    predictions
        Predictions table of the pool, with embeddings.
    pool
        The pool's example table, whose content ids say which rows are copies.
    examples
        The example table that was labelled so far: its rows are left out, and with fewer than 20 labels a class rows
        that stand for others are asked about in place of those that the model is unsure of.
    budget
        Labels that are bought, 1 or more.
    strategies
        Shares such as `margin=0.8,random=0.2`; empty for that mix.
    seed
        Decides everything random.
    round_number
        Which round of labelling, from 1.
    model_version
        Version of the model that scored the pool; empty where it has none.

    Returns
    -------
    label_requests
        The rows that people are asked about, each with its strategy and a sentence that says why.
    selection_report
        How the budget is spent, what was left out, and the first rows of each strategy.
    selection_metrics
        Rows by strategy, left out, and passed over as near duplicates.
    """
    from components.active_learning.jobs.select_examples import select_examples as job

    result = job(
        predictions_paths=[predictions.path], pool_path=pool.path, examples_path=examples.path, budget=budget,
        strategies=strategies, seed=seed, round_number=round_number, model_version=model_version,
        label_requests_path=label_requests.path, report_path=selection_report.path,
        metrics_path=selection_metrics.path,
    )  # fmt: skip
    selection_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def simulate_labelling(
    examples: dsl.Input[dsl.Dataset],
    start_labels: int,
    budget: int,
    batch: int,
    num_seeds: int,
    seed: int,
    strategies: str,
    device: str,
    labelling_rounds: dsl.Output[dsl.Artifact],
    rounds_report: dsl.Output[dsl.HTML],
    rounds_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Buy labels in rounds from an oracle, by a strategy and at random, with the cheap model of the modality.

    Parameters
    ----------
    examples
        An example table of classes: the labels of its training rows are the oracle, its test rows the judge.
    start_labels
        Labels at the start, drawn at random, 2 or more.
    budget
        Labels at the end, those of the start included.
    batch
        Labels a round.
    num_seeds
        Runs of each side.
    seed
        The first of their seeds.
    strategies
        Shares such as `margin=0.8,random=0.2`; empty for that mix.
    device
        auto, cpu or cuda: where features of photos are computed.

    Returns
    -------
    labelling_rounds
        The learning curves as JSON, the label ratio with its interval, and what another batch would bring.
    rounds_report
        Learning curves with intervals, labels saved, and whether another batch is worth its price.
    rounds_metrics
        Accuracy at the end of both sides, and the label ratio.
    """
    from components.active_learning.jobs.simulate_labelling import simulate_labelling as job

    result = job(
        examples_path=examples.path, start_labels=start_labels, budget=budget, batch=batch, num_seeds=num_seeds,
        seed=seed, strategies=strategies, device=device, rounds_path=labelling_rounds.path,
        report_path=rounds_report.path, metrics_path=rounds_metrics.path,
    )  # fmt: skip
    rounds_metrics.metadata.update(result.metrics)
