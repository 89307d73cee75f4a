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
    """Score the held-out examples, evaluate, hold the model against a cheap one, and decide whether it may ship.

    A model that misses its target is a result: the verdict says so, and a gate step of its own stops the run.

    Parameters
    ----------
    examples
        An example table of images, texts or rows; its validation and test splits are scored, and a cheap model is
        trained on its training split.
    model
        A model bundle of the same modality.
    target
        The problem file's target section as JSON, such as `{"metric": "accuracy", "minimum": 0.9}`, or
        `{"metric": "rmse", "maximum": 3.5}` where the label is a number; empty asks for better than always answering
        the most frequent label, or one number. With `beat_baseline` it must be better than the cheap model, too.
    recipe
        How the model was trained: a smoke run is judged by whether the model could be evaluated.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    predictions
        Predictions table of the validation and test splits, with embeddings and slice columns.
    evaluation
        All metrics of the test split as JSON, and under `baseline` the model beside cheap ones.
    analysis_report
        The model beside a cheap one, the metrics, the confusion matrix, ROC and calibration curves, and the worst
        mistakes; of a number the errors, the residuals by size, and the worst mistakes.
    analysis_verdict
        Whether the model reached its target on the test split, and why not; whether it is better than a cheap one.
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
    recipe: str,
    device: str,
    language_bias_measures: dsl.Output[dsl.Artifact],
    language_bias_report: dsl.Output[dsl.HTML],
    language_bias_verdict: dsl.Output[dsl.Artifact],
    language_bias_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Ask a text model about people of seven kinds, and judge whether it treats any of them otherwise.

    A model that is refused is a result: the verdict says so, and a gate step of its own stops the run. One that
    classifies no texts is asked nothing.

    Parameters
    ----------
    model
        A bundle that classifies texts, or a folder with a causal or masked language model of Hugging Face's
        transformers (safetensors).
    settings
        What is asked and what is refused, YAML or JSON, such as `{languages: [ko], material_gap: 0.1}`; empty takes the
        defaults.
    recipe
        How the model was trained: a smoke run is asked, and not refused.
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
        model_path=model.path, settings=settings, recipe=recipe, device=device,
        measures_path=language_bias_measures.path, report_path=language_bias_report.path,
        verdict_path=language_bias_verdict.path, metrics_path=language_bias_metrics.path,
    )  # fmt: skip
    language_bias_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def score_examples(
    examples_uri: str,
    model_uri: str,
    output_uri: str,
    problem: str,
    dropout_passes: int,
    workspace_claim: str,
    device: str,
    predictions: dsl.Output[dsl.Dataset],
    scoring_report: dsl.Output[dsl.HTML],
    scoring_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Write the predictions of a published model on any examples; a try that was stopped goes on where it was.

    Parameters
    ----------
    examples_uri
        An example table, a table file or a folder of photos: a path, a URI or pvc://CLAIM/PATH.
    model_uri
        The published model bundle.
    output_uri
        The folder or URI to write: a predictions table, metrics where labels are known, what could not be read.
    problem
        The problem file's text or the URI of the file, where the data need one to be read; else empty.
    dropout_passes
        How often each example is answered with dropout, for its mutual information (BALD); 0 for not at all.
    workspace_claim
        The volume claim that the step mounts: the CLAIM of pvc:// URIs.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    predictions
        The predictions table, for steps that come after.
    scoring_report
        How many were scored, what was answered how surely, and metrics where labels are known.
    scoring_metrics
        The same as figures, for the KFP UI.
    """
    from components.model_analysis.jobs.score_examples import score_examples as job

    result = job(
        source=examples_uri, model_path=model_uri, output_path=output_uri, hints=problem,
        dropout_passes=dropout_passes, device=device, workspace_claim=workspace_claim,
        report_path=scoring_report.path, predictions_path=predictions.path,
    )  # fmt: skip
    scoring_metrics.metadata.update(result.figures())


@dsl.component(base_image=image("training"), install_kfp_package=False)
def assess_fairness(
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    target: str,
    fairness: str,
    recipe: str,
    fairness_measures: dsl.Output[dsl.Artifact],
    fairness_report: dsl.Output[dsl.HTML],
    fairness_verdict: dsl.Output[dsl.Artifact],
    fairness_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Compare how a model treats the groups of every sensitive column, and of every two of them.

    A model whose groups lie further apart than the limit by more than chance is a result: the verdict says so, and a
    gate step of its own stops the run. Without a limit nothing is refused.

    Parameters
    ----------
    examples
        The example table that the model was evaluated on: it says which columns are sensitive.
    predictions
        The model's predictions table, as `evaluate_model` wrote it.
    target
        The problem file's target section as JSON: where it has `at`, answers follow the threshold that is chosen on
        validation.
    fairness
        The problem file's fairness section as JSON, such as `{"metric": "true_positive_rate", "max_difference": 0.1}`;
        empty compares groups and refuses nothing.
    recipe
        How the model was trained: a smoke run is compared, and not refused.

    Returns
    -------
    fairness_measures
        Every group's rates with their intervals, and every comparison, as JSON.
    fairness_report
        The verdict, the differences and ratios between groups, every group's rates, and what thresholds a group would
        change.
    fairness_verdict
        Whether groups lie further apart than the limit by more than chance, and which are too small to judge.
    fairness_metrics
        Counts of comparisons, and the largest difference of each measure, for the KFP UI.
    """
    from components.model_analysis.jobs.assess_fairness import assess_fairness as job

    result = job(
        examples_path=examples.path, predictions_path=predictions.path, target=target, fairness=fairness,
        recipe=recipe, measures_path=fairness_measures.path, report_path=fairness_report.path,
        verdict_path=fairness_verdict.path, metrics_path=fairness_metrics.path,
    )  # fmt: skip
    fairness_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def find_weak_slices(
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    weak_slices: dsl.Output[dsl.Artifact],
    weak_slices_report: dsl.Output[dsl.HTML],
    weak_slices_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Find slices of the held-out examples on which a model errs more than elsewhere, and say which in words.

    On errors that lie at random, any slice is reported in at most 5 % of all runs.

    Parameters
    ----------
    examples
        The example table that the model was evaluated on.
    predictions
        The model's predictions table, as `evaluate_model` wrote it.

    Returns
    -------
    weak_slices
        The weak slices as JSON, with conditions that can be evaluated again, and figures of the named slices.
    weak_slices_report
        The weak slices in words, the named slices with their crossings, and what was left out.
    weak_slices_metrics
        How many weak slices there are, and the figures of the weakest, for the KFP UI.
    """
    from components.model_analysis.jobs.find_weak_slices import find_weak_slices as job

    result = job(
        examples_path=examples.path, predictions_path=predictions.path, slices_path=weak_slices.path,
        report_path=weak_slices_report.path, metrics_path=weak_slices_metrics.path,
    )  # fmt: skip
    weak_slices_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def summarise_analysis(
    evaluation: dsl.Input[dsl.Artifact],
    evaluation_verdict: dsl.Input[dsl.Artifact],
    champion_verdict: dsl.Input[dsl.Artifact],
    fairness_verdict: dsl.Input[dsl.Artifact],
    language_bias_verdict: dsl.Input[dsl.Artifact],
    fairness_measures: dsl.Input[dsl.Artifact],
    weak_slices: dsl.Input[dsl.Artifact],
    label_errors: dsl.Input[dsl.Artifact],
    errors_analysis: dsl.Input[dsl.Artifact],
    analysis_summary: dsl.Output[dsl.Artifact],
    summary_report: dsl.Output[dsl.HTML],
    summary_verdict: dsl.Output[dsl.Artifact],
    summary_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Bring what the steps of the analysis found onto one page, with one verdict that a gate reads.

    Parameters
    ----------
    evaluation
        What `evaluate_model` measured, as JSON.
    evaluation_verdict
        Whether the model reaches its target.
    champion_verdict
        Whether it may take the champion's place.
    fairness_verdict
        Whether groups lie too far apart.
    language_bias_verdict
        Whether it treats people otherwise by a word.
    fairness_measures
        Every group's rates, as JSON.
    weak_slices
        Where the model is weak, as JSON.
    label_errors
        How many labels are suspected, as JSON.
    errors_analysis
        Why the model errs, as JSON.

    Returns
    -------
    analysis_summary
        What was found, in words, as JSON: what the model card tells.
    summary_report
        The verdict, why, the worst things and what to do, then what they rest on.
    summary_verdict
        Whether every check passed, and which did not.
    summary_metrics
        How many checks were made, how many refused, and how many weaknesses were found, for the KFP UI.
    """
    from components.model_analysis.jobs.summarise_analysis import summarise_analysis as job

    result = job(
        evaluation_path=evaluation.path,
        verdict_paths={"target": evaluation_verdict.path, "champion": champion_verdict.path,
                       "fairness": fairness_verdict.path, "language bias": language_bias_verdict.path},
        fairness_path=fairness_measures.path, slices_path=weak_slices.path, labels_path=label_errors.path,
        errors_path=errors_analysis.path, summary_path=analysis_summary.path, report_path=summary_report.path,
        verdict_path=summary_verdict.path, metrics_path=summary_metrics.path,
    )  # fmt: skip
    summary_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def rank_label_errors(
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    audit: str,
    device: str,
    label_errors: dsl.Output[dsl.Artifact],
    correction_queue: dsl.Output[dsl.Artifact],
    label_audit: dsl.Output[dsl.Artifact],
    label_errors_report: dsl.Output[dsl.HTML],
    label_errors_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Rank the labels that are set by how suspicious they are, and estimate how many are wrong from an audit.

    Parameters
    ----------
    examples
        The example table that the model was trained and evaluated on.
    predictions
        The model's predictions table, as `evaluate_model` wrote it.
    model
        The model bundle, which embeds training examples.
    audit
        Path or URI of a `label_audit` that a person filled in; empty where there is none: then no share is claimed.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    label_errors
        How many labels are suspected, of which classes and sources, and the estimated share of wrong ones, as JSON.
    correction_queue
        The labels to look at, the most suspicious first, with columns to fill in, as CSV.
    label_audit
        Labels drawn at random, to fill in for the estimate, as CSV.
    label_errors_report
        The share of wrong labels as far as an audit tells, the most suspicious labels, and what was left out.
    label_errors_metrics
        Counts, and the share with its interval, for the KFP UI.
    """
    from components.model_analysis.jobs.rank_label_errors import rank_label_errors as job

    result = job(
        examples_path=examples.path, predictions_path=predictions.path, model_path=model.path, audit=audit,
        device=device, label_errors_path=label_errors.path, queue_path=correction_queue.path,
        audit_sample_path=label_audit.path, report_path=label_errors_report.path,
        metrics_path=label_errors_metrics.path,
    )  # fmt: skip
    label_errors_metrics.metadata.update(result.metrics)
