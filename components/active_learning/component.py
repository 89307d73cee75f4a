"""KFP faces of active learning."""

from typing import NamedTuple

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def export_queue(
    label_requests: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    model_labels: dsl.Input[dsl.Dataset],
    examples_uri: str,
    pool_uri: str,
    model_uri: str,
    queue_uri: str,
    settings: str,
    queue_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Write label requests as a queue for people: a CSV, photos beside it, and Label Studio's tasks and configuration.

    A queue that is there already, and perhaps filled in, is never written over.

    Parameters
    ----------
    label_requests
        Whom to ask about, and why, as `select_examples` wrote it.
    pool
        The table that they were chosen from: a pool, or an example table with unlabelled rows.
    model_labels
        Labels by the model that wait beside the queue until people's are merged; there may be none. Beside a queue that
        is there already they replace those that wait.
    examples_uri
        Where the example table lies that the labels will join.
    pool_uri
        Where the pool lies.
    model_uri
        Where the model lies that scored it.
    queue_uri
        Folder to write, where people fetch it: a path, pvc://CLAIM/queue, or an fsspec URI such as s3://bucket/queue.
    settings
        YAML or JSON, such as `{show_prediction: true, image_uri: s3://bucket/queue/images}`; empty takes the defaults.

    Returns
    -------
    queue_metrics
        How many examples are asked about, for the KFP UI.
    """
    from components.active_learning.jobs.export_queue import export_queue, QueueOrigin

    origin = QueueOrigin(examples_uri=examples_uri, pool_uri=pool_uri, model_uri=model_uri)
    result = export_queue(
        requests_path=label_requests.path, pool_path=pool.path, model_labels_path=model_labels.path, origin=origin,
        queue_uri=queue_uri, settings=settings, metrics_path=queue_metrics.path,
    )  # fmt: skip
    queue_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def import_labels(
    previous_examples: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    model_labels: dsl.Input[dsl.Dataset],
    queue_uri: str,
    labels_uri: str,
    examples: dsl.Output[dsl.Dataset],
    splits: dsl.Output[dsl.Artifact],
    labels_rejected: dsl.Output[dsl.Artifact],
    labels_report: dsl.Output[dsl.HTML],
    labels_verdict: dsl.Output[dsl.Artifact],
    labels_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Merge what people filled in, and what models labelled, into a new version of an example table.

    A row that does not fit is left out and reported. Too many of them are a result: the verdict says so, and a gate
    step of its own stops the run.

    Parameters
    ----------
    previous_examples
        The example table, of classes.
    pool
        The pool that rows come from; the example table itself where all are unlabelled rows of it.
    model_labels
        Labels by models that the guard admitted; there may be none.
    queue_uri
        The queue that `export_queue` wrote.
    labels_uri
        What people filled in: a CSV or an export of Label Studio, or a folder of several; empty for none.

    Returns
    -------
    examples
        The new version of the example table, with its lineage; the same table where nothing is new.
    splits
        Content id and split of every example, which the model's bundle keeps.
    labels_rejected
        The rows that were left out: file, row, what was expected and found, and what to do, as CSV.
    labels_report
        What was merged, what was left out and why, how far people agree, where the version comes from.
    labels_verdict
        Whether the labels may be gone on with, and every fault with its file and row.
    labels_metrics
        Counts, and the agreement with its interval, for the KFP UI.
    """
    from components.active_learning.jobs.import_labels import import_labels, ImportOutputs

    outputs = ImportOutputs(
        examples=examples.path, splits=splits.path, report=labels_report.path, verdict=labels_verdict.path,
        metrics=labels_metrics.path, rejected=labels_rejected.path,
    )  # fmt: skip
    result = import_labels(
        examples_path=previous_examples.path, pool_path=pool.path, model_labels_path=model_labels.path,
        queue_uri=queue_uri, labels_uri=labels_uri, outputs=outputs,
    )  # fmt: skip
    labels_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def withdraw_labels(
    previous_examples: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    model_version: str,
    examples: dsl.Output[dsl.Dataset],
    splits: dsl.Output[dsl.Artifact],
    withdrawal_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Take back the labels that a model version gave, in a new version of an example table.

    Parameters
    ----------
    previous_examples
        The example table with such labels.
    pool
        The pool that rows came from: they leave the table. The example table itself where there is none.
    model_version
        As the column `label_model` names it.

    Returns
    -------
    examples
        The new version of the example table.
    splits
        Content id and split of every example, which the model's bundle keeps.
    withdrawal_metrics
        How many rows were removed, and how many labels taken back, for the KFP UI.
    """
    from components.active_learning.jobs.withdraw_labels import withdraw_labels as job

    found = job(
        examples_path=previous_examples.path, pool_path=pool.path, model_version=model_version,
        output_path=examples.path, splits_path=splits.path, metrics_path=withdrawal_metrics.path,
    )  # fmt: skip
    withdrawal_metrics.metadata.update(rows_removed=found.num_removed, rows_unlabelled=found.num_unlabelled)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def check_labelling_inputs(
    examples_uri: str,
    pool_uri: str,
    model_uri: str,
    queue_uri: str,
    previous_queue_uri: str,
    settings: str,
    workspace_claim: str,
    examples: dsl.Output[dsl.Dataset],
    pool: dsl.Output[dsl.Dataset],
    previous_requests: dsl.Output[dsl.Dataset],
) -> NamedTuple(  # type: ignore[valid-type]
    "CheckedLabellingInputs",
    [
        ("examples_uri", str),
        ("pool_uri", str),
        ("model_uri", str),
        ("queue_uri", str),
        ("model_version", str),
        ("budget", int),
        ("strategies", str),
        ("dropout_passes", int),
        ("pseudo_labels", bool),
        ("queue_settings", str),
    ],
):
    """Check everything that a round of labelling is asked for, before anything is computed.

    Parameters
    ----------
    examples_uri
        The example table that the model was trained on: a path, a URI or pvc://CLAIM/examples.
    pool_uri
        The pool, an example table without splits; empty where the unlabelled rows of the table are the pool.
    model_uri
        The published bundle that scores the pool.
    queue_uri
        Where the queue is written.
    previous_queue_uri
        The queue of the round before; empty for none.
    settings
        The settings of the round, YAML or JSON: budget, strategies, dropout_passes, pseudo_labels, queue.
    workspace_claim
        The volume claim that steps mount.

    Returns
    -------
    examples
        The example table.
    pool
        The pool.
    previous_requests
        What people were asked in the round before; there may be nothing in it.
    examples_uri
        Where steps find the table.
    pool_uri
        Where steps find the pool.
    model_uri
        Where steps find the bundle.
    queue_uri
        Where steps write the queue.
    model_version
        Version of the bundle.
    budget
        How many examples people are asked about.
    strategies
        How they are chosen.
    dropout_passes
        How often each row of the pool is answered with dropout.
    pseudo_labels
        Whether the model proposes labels of its own.
    queue_settings
        What people see, as JSON.
    """
    from components.active_learning.jobs.check_labelling_inputs import check_labelling_inputs, LabellingPlaces

    places = LabellingPlaces(
        examples_uri=examples_uri, pool_uri=pool_uri, model_uri=model_uri, queue_uri=queue_uri,
        previous_queue_uri=previous_queue_uri,
    )  # fmt: skip
    return check_labelling_inputs(
        places=places, settings=settings, workspace_claim=workspace_claim, examples_path=examples.path,
        pool_path=pool.path, previous_requests_path=previous_requests.path,
    )  # fmt: skip


@dsl.component(base_image=image("training"), install_kfp_package=False)
def compare_labels(
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    device: str,
    disagreements: dsl.Output[dsl.Artifact],
    label_comparison: dsl.Output[dsl.Artifact],
    disagreement_report: dsl.Output[dsl.HTML],
    disagreement_metrics: dsl.Output[dsl.Metrics],
    initial_predictions: dsl.Input[dsl.Dataset] = None,
) -> None:
    """List every example whose stored label is not the model's class, and say which of the two is suspected.

    Parameters
    ----------
    examples
        An example table; of all its labels those count that the model has answered.
    predictions
        Predictions table of the model that is being trained, of any splits, training examples too.
    device
        auto, cpu or cuda; cuda insists on a GPU.
    initial_predictions
        Predictions table of the model that wrote labels, of any of the examples; without it, less is known of labels
        that name no probability, and the model is not held against that one.

    Returns
    -------
    disagreements
        The disagreement table, the most evidence first, with columns to fill in, as CSV.
    label_comparison
        Counts by source, agreement with models' labels and with people's, and the gap in words, as JSON.
    disagreement_report
        What only seems to be accuracy, where labels and model differ, and what the model may know by heart.
    disagreement_metrics
        Counts, both agreements and the seeming gain, for the KFP UI.
    """
    from components.active_learning.jobs.compare_labels import compare_labels as job

    result = job(
        examples_path=examples.path, predictions_path=predictions.path, device=device,
        initial_predictions_path=initial_predictions and initial_predictions.path,
        disagreements_path=disagreements.path, comparison_path=label_comparison.path,
        report_path=disagreement_report.path, metrics_path=disagreement_metrics.path,
    )  # fmt: skip
    disagreement_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def choose_model(
    examples: dsl.Input[dsl.Dataset],
    first_predictions: dsl.Input[dsl.Dataset],
    first_model: dsl.Input[dsl.Model],
    first_name: str,
    second_predictions: dsl.Input[dsl.Dataset],
    second_model: dsl.Input[dsl.Model],
    second_name: str,
    chosen_model: dsl.Output[dsl.Model],
    chosen_predictions: dsl.Output[dsl.Dataset],
    model_choice: dsl.Output[dsl.Artifact],
    choice_report: dsl.Output[dsl.HTML],
    choice_metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Choose between two candidates: the first, unless the second is better on people's labels by more than chance.

    Parameters
    ----------
    examples
        An example table; people's labels of its validation split judge.
    first_predictions
        Predictions table of the first candidate, the simpler one: it covers the validation split.
    first_model
        Its bundle.
    first_name
        What it is called, such as `trained on` or `without pseudo labels`.
    second_predictions
        Predictions table of the second candidate, of the same examples.
    second_model
        Its bundle.
    second_name
        What it is called.

    Returns
    -------
    chosen_model
        A copy of the bundle that goes on.
    chosen_predictions
        A copy of its predictions table.
    model_choice
        Which one, why, and the figures of both, as JSON.
    choice_report
        The same as a page.
    choice_metrics
        Both accuracies for the KFP UI.
    Output
        The name of the one that goes on.
    """
    from components.active_learning.jobs.choose_model import Candidate, choose_model

    first = Candidate(name=first_name, predictions_path=first_predictions.path, model_path=first_model.path)
    second = Candidate(name=second_name, predictions_path=second_predictions.path, model_path=second_model.path)
    result = choose_model(
        examples_path=examples.path, candidates=[first, second], choice_path=model_choice.path,
        report_path=choice_report.path, metrics_path=choice_metrics.path, chosen_model_path=chosen_model.path,
        chosen_predictions_path=chosen_predictions.path,
    )  # fmt: skip
    choice_metrics.metadata.update(result.metrics)
    return result.choice.name


@dsl.component(base_image=image("training"), install_kfp_package=False)
def open_queue(
    queue_uri: str,
    labels_uri: str,
    workspace_claim: str,
    examples: dsl.Output[dsl.Dataset],
    pool: dsl.Output[dsl.Dataset],
    model_labels: dsl.Output[dsl.Dataset],
) -> NamedTuple(  # type: ignore[valid-type]
    "OpenedQueue",
    [("examples_uri", str), ("model_uri", str), ("backbone", str), ("queue_uri", str), ("labels_uri", str)],
):
    """Open a queue that people have filled in: hand its tables to the steps that merge the labels.

    Parameters
    ----------
    queue_uri
        The queue, as the labelling pipeline wrote it.
    labels_uri
        What people filled in; empty where they did in the queue's own folder.
    workspace_claim
        The volume claim that steps mount.

    Returns
    -------
    examples
        The example table that the queue was made from.
    pool
        The pool that it was made from.
    model_labels
        Labels by the model that the guard admitted; there may be none.
    examples_uri
        Where steps find the table.
    model_uri
        Where steps find the bundle that scored the pool.
    backbone
        Its backbone by name.
    queue_uri
        Where steps find the queue.
    labels_uri
        Where steps find what people filled in.
    """
    from components.active_learning.jobs.open_queue import open_queue, QueueTables

    tables = QueueTables(examples=examples.path, pool=pool.path, model_labels=model_labels.path)
    return open_queue(queue_uri=queue_uri, labels_uri=labels_uri, workspace_claim=workspace_claim, tables=tables)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def write_pseudo_labels(
    examples: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    pool_predictions: dsl.Input[dsl.Dataset],
    previous_requests: dsl.Input[dsl.Dataset],
    model_version: str,
    round_number: int,
    is_wanted: bool,
    device: str,
    model_labels: dsl.Output[dsl.Dataset],
    pseudo_label_evidence: dsl.Output[dsl.Artifact],
    pseudo_label_report: dsl.Output[dsl.HTML],
    pseudo_label_verdict: dsl.Output[dsl.Artifact],
    pseudo_label_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Let a model label the rows of a pool, where the guard finds that such labels help.

    A refusal is a result: it says why with the figures, writes no label and stops no run.

    Parameters
    ----------
    examples
        The example table that the model was trained on: the guard judges by people's labels in it.
    pool
        Rows without labels.
    predictions
        The model's predictions table of the validation split; with the training split its embeddings are used, too.
    pool_predictions
        The model's predictions table of the pool.
    previous_requests
        What people were asked in the round before: its random share, labelled since, tells how many such labels are
        wrong. There may be nothing in it.
    model_version
        Of the model that answered.
    round_number
        Of labelling, from 1.
    is_wanted
        Whether labels that the guard admits are written; else the report says alone what they would do.
    device
        auto, cpu or cuda, for photos.

    Returns
    -------
    model_labels
        The labels, each with the model's version, its calibrated probability and the round; none where refused.
    pseudo_label_evidence
        All figures as JSON.
    pseudo_label_report
        What the labels would do, how many are wrong, calibration, counts by class, examples.
    pseudo_label_verdict
        Whether they are admitted, and why; it always passes.
    pseudo_label_metrics
        Counts, the gain on people's unseen labels and the noise rate, for the KFP UI.
    """
    from components.active_learning.jobs.write_pseudo_labels import write_pseudo_labels as job

    result = job(
        examples_path=examples.path, pool_path=pool.path, predictions_path=predictions.path,
        pool_predictions_path=pool_predictions.path, model_version=model_version, round_number=round_number,
        requests_path=previous_requests.path, is_wanted=is_wanted, device=device, labels_path=model_labels.path,
        evidence_path=pseudo_label_evidence.path, report_path=pseudo_label_report.path,
        verdict_path=pseudo_label_verdict.path, metrics_path=pseudo_label_metrics.path,
    )  # fmt: skip
    pseudo_label_metrics.metadata.update(result.metrics)


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
