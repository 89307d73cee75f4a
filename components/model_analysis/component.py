"""KFP faces of model analysis."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def evaluate_model(
    examples: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    target: str,
    recipe: str,
    device: str,
    predictions: dsl.Output[dsl.Dataset],
    evaluation: dsl.Output[dsl.Artifact],
    analysis_report: dsl.Output[dsl.HTML],
    analysis_verdict: dsl.Output[dsl.Artifact],
    analysis_metrics: dsl.Output[dsl.Metrics],
    analysis_classification: dsl.Output[dsl.ClassificationMetrics],
) -> None:
    """Score the held-out examples, evaluate, and decide whether the model may ship.

    A model that misses its target is a result: the verdict says so, and a gate step of its own stops the run.

    Parameters
    ----------
    examples
        An example table of images, texts or rows; its validation and test splits are scored.
    model
        A model bundle of the same modality.
    target
        The problem file's target section as JSON, such as `{"metric": "accuracy", "minimum": 0.9}`, or
        `{"metric": "rmse", "maximum": 3.5}` where the label is a number; empty asks for better than always answering
        the most frequent label, or one number.
    recipe
        How the model was trained: a smoke run is judged by whether the model could be evaluated.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    predictions
        Predictions table of the validation and test splits, with embeddings and slice columns.
    evaluation
        All metrics of the test split as JSON.
    analysis_report
        The metrics, the confusion matrix, ROC and calibration curves, and the worst mistakes; of a number the errors,
        the residuals by size, and the worst mistakes.
    analysis_verdict
        Whether the model reached its target on the test split, and why not.
    analysis_metrics
        The metrics for the KFP UI.
    analysis_classification
        Confusion matrix and ROC curve for the KFP UI; empty where the label is a number.
    """
    from components.model_analysis.jobs.evaluate_model import evaluate_model as job

    result = job(
        examples_path=examples.path, model_path=model.path, target=target, recipe=recipe, device=device,
        predictions_path=predictions.path, evaluation_path=evaluation.path, report_path=analysis_report.path,
        verdict_path=analysis_verdict.path, metrics_path=analysis_metrics.path,
        classification_metrics_path=analysis_classification.path,
    )  # fmt: skip
    analysis_metrics.metadata.update(result.metrics)
    analysis_classification.log_confusion_matrix(result.class_names, result.confusion)
    analysis_classification.log_roc_curve(*result.roc)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def compare_with_champion(
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    model_name: str,
    model_root: str,
    target: str,
    recipe: str,
    device: str,
    comparison: dsl.Output[dsl.Artifact],
    champion_report: dsl.Output[dsl.HTML],
    champion_verdict: dsl.Output[dsl.Artifact],
    champion_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Compare a model with the champion of its name on the same test examples, overall and on every slice.

    A model that is worse is a result: the verdict says so, and a gate step of its own stops the run. Without a champion
    the verdict says "no baseline".

    Parameters
    ----------
    examples
        The example table that the model was evaluated on.
    predictions
        The model's predictions table, as `evaluate_model` wrote it.
    model_name
        Name of the model: whose champion it is held against.
    model_root
        Where releases live: a folder, an fsspec URI such as s3://bucket/models, or pvc://CLAIM/models.
    target
        The problem file's target section as JSON: its metric, `margin` (how much worse than the champion is allowed)
        and `strict` (that it is no worse must be shown).
    recipe
        How the model was trained: a smoke run is compared, and not refused.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    comparison
        Every comparison as JSON: both models' metric, the difference with its interval, and the test.
    champion_report
        The difference overall and by slice, what was left out, and examples that only the champion answers right.
    champion_verdict
        Whether the model may take the champion's place, and why not.
    champion_metrics
        Both models' metric and the difference with its interval, for the KFP UI.
    """
    from components.model_analysis.jobs.compare_with_champion import compare_with_champion as job

    result = job(
        examples_path=examples.path, predictions_path=predictions.path, model_name=model_name, model_root=model_root,
        target=target, recipe=recipe, device=device, comparison_path=comparison.path,
        report_path=champion_report.path, verdict_path=champion_verdict.path, metrics_path=champion_metrics.path,
    )  # fmt: skip
    champion_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def analyse_errors(
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    device: str,
    errors_analysis: dsl.Output[dsl.Artifact],
    errors_list: dsl.Output[dsl.Artifact],
    errors_report: dsl.Output[dsl.HTML],
    errors_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Say of each wrong prediction of the test split which cause is suspected, and what most errors have in common.

    It describes and stops nothing.

    Parameters
    ----------
    examples
        The example table that the model was evaluated on, with its training split.
    predictions
        The model's predictions table, as `evaluate_model` wrote it.
    model
        The model bundle.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    errors_analysis
        Every analysed error with its suspected causes, their shares with intervals, and groups of errors, as JSON.
    errors_list
        The errors as a CSV for a spreadsheet, a row each.
    errors_report
        What to do first, the share of each cause, what errors have in common, and errors with their evidence.
    errors_metrics
        Counts of errors and the share of each cause, for the KFP UI.
    """
    from components.model_analysis.jobs.analyse_errors import analyse_errors as job

    result = job(
        examples_path=examples.path, predictions_path=predictions.path, model_path=model.path, device=device,
        analysis_path=errors_analysis.path, list_path=errors_list.path, report_path=errors_report.path,
        metrics_path=errors_metrics.path,
    )  # fmt: skip
    errors_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def assess_language_bias(
    model: dsl.Input[dsl.Model],
    settings: str,
    device: str,
    language_bias_measures: dsl.Output[dsl.Artifact],
    language_bias_report: dsl.Output[dsl.HTML],
    language_bias_verdict: dsl.Output[dsl.Artifact],
    language_bias_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Ask a text model about people of seven kinds, and judge whether it treats any of them otherwise.

    A model that is refused is a result: the verdict says so, and a gate step of its own stops the run.

    Parameters
    ----------
    model
        A bundle that classifies texts, or a folder with a causal or masked language model of Hugging Face's
        transformers (safetensors).
    settings
        What is asked and what is refused, YAML or JSON, such as `{languages: [ko], material_gap: 0.1}`; empty takes the
        defaults.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    language_bias_measures
        Every gap with its interval, p-value and status, and the worst pairs of sentences, as JSON.
    language_bias_report
        The verdict, the worst pairs, the terms of each kind, the control words, and what this cannot see.
    language_bias_verdict
        Whether any term, or stereotype, moves the model by more than chance and more than what matters.
    language_bias_metrics
        Counts of gaps judged and refused, and the largest, for the KFP UI.
    """
    from components.model_analysis.jobs.assess_language_bias import assess_language_bias as job

    result = job(
        model_path=model.path, settings=settings, device=device, measures_path=language_bias_measures.path,
        report_path=language_bias_report.path, verdict_path=language_bias_verdict.path,
        metrics_path=language_bias_metrics.path,
    )  # fmt: skip
    language_bias_metrics.metadata.update(result.metrics)
