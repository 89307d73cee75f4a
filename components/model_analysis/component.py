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
