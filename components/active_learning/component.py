"""KFP faces of active learning."""

from kfp import dsl

from components.shared.runtime.container_images import image


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
