"""KFP faces of training."""

from typing import NamedTuple

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def check_inputs(
    source: str,
    problem: str,
    data_fingerprint: str,
    recipe: str,
    backbone: str,
    seed: int,
    model_name: str,
    checkpoint_dir: str,
    feature_dir: str,
    model_root: str,
    workspace_claim: str,
    profile: str,
) -> NamedTuple(  # type: ignore[valid-type]
    "Inputs",
    [
        ("data_problem", str),
        ("target", str),
        ("preparation", str),
        ("training", str),
        ("budget", str),
        ("fairness", str),
        ("language_bias", str),
        ("asked_classes", str),
        ("source", str),
        ("checkpoint_dir", str),
        ("model_name", str),
        ("model_root", str),
        ("data_fingerprint", str),
        ("problem_text", str),
        ("deploy", str),
        ("secret", str),
        ("registry", str),
        ("gpus", str),
        ("data_cpu", str),
        ("data_cpu_limit", str),
        ("data_memory", str),
        ("data_memory_limit", str),
        ("training_cpu", str),
        ("training_cpu_limit", str),
        ("training_memory", str),
        ("training_memory_limit", str),
    ],
):
    """Check every parameter of a run before anything is paid for.

    Parameters
    ----------
    source
        Where the data are: digits, pets, a path or a URI.
    problem
        The problem file's text, or the URI of the file; empty where everything is inferred.
    data_fingerprint
        Changes when the data change; empty for the fingerprint of what is at the source now.
    recipe
        How to train: full, fine_tune or smoke.
    backbone
        auto, small_cnn, efficientnet_lite0, timm:<name>, char_ngrams, subwords, hf:<name>, mlp or
        <package.module>:<function>.
    seed
        Decides everything random.
    model_name
        What the model will be called.
    checkpoint_dir
        A folder or URI that outlives the run.
    feature_dir
        A folder that all steps mount, for the feature store; empty passes it between steps as a copy.
    model_root
        A folder or URI that models are published to, s3://bucket/models or pvc://CLAIM/models for one.
    workspace_claim
        The volume claim that steps mount: the CLAIM of pvc:// URIs.
    profile
        What the pipeline is compiled for: gpu, cpu or nodes; on a cluster the step looks whether there is room.

    Returns
    -------
    data_problem
        The problem without the sections that follow, as JSON.
    target
        What the model must reach, as JSON.
    preparation
        How examples are prepared, as JSON; an augmentation policy with its content.
    training
        What the problem file changes of the recipe, as JSON.
    budget
        What the training may cost, as JSON.
    fairness
        How groups of people are compared, as JSON.
    language_bias
        What a text model is asked about people, as JSON.
    asked_classes
        The classes that target and fairness name, as JSON.
    source
        Where steps find the data: a place on the workspace as a path.
    checkpoint_dir
        Where steps keep checkpoints: a place on the workspace as a path.
    model_name
        What the model is called: NAME-smoke after a smoke run.
    model_root
        Where models are published to: a place on the workspace as pvc://CLAIM/PATH.
    data_fingerprint
        What was given, or the fingerprint of what is at the source.
    problem_text
        The whole problem file, read where only its place was given.
    deploy
        How the release goes live, as JSON; empty where the problem file does not say.
    secret
        The secret by which the steps that follow reach outside data.
    registry
        The address of the Kubeflow Model Registry that is told of the release; empty for none.
    gpus
        GPUs of the node that trains.
    data_cpu
        Cores that steps which read data ask a node for.
    data_cpu_limit
        The most cores that they may take.
    data_memory
        Memory that they ask a node for.
    data_memory_limit
        The most memory that they may take.
    training_cpu
        Cores that steps which compute with a model ask a node for.
    training_cpu_limit
        The most cores that they may take.
    training_memory
        Memory that they ask a node for.
    training_memory_limit
        The most memory that they may take.
    """
    from components.training.jobs.check_inputs import check_inputs, RunDestination

    destination = RunDestination(
        model_name=model_name, model_root=model_root, checkpoint_dir=checkpoint_dir, feature_dir=feature_dir,
        workspace_claim=workspace_claim,
    )  # fmt: skip
    return check_inputs(  # type: ignore[return-value]
        source=source, problem=problem, recipe=recipe, backbone=backbone, seed=seed, destination=destination,
        fingerprint=data_fingerprint, profile=profile,  # type: ignore[arg-type]
    )  # fmt: skip


@dsl.component(base_image=image("training"), install_kfp_package=False)
def smoke_test(
    features: dsl.Input[dsl.Dataset],
    examples: dsl.Input[dsl.Dataset],
    recipe: str,
    training: str,
    budget: str,
    asked_classes: str,
    seed: int,
    device: str,
    smoke_report: dsl.Output[dsl.HTML],
    smoke_verdict: dsl.Output[dsl.Artifact],
    smoke_metrics: dsl.Output[dsl.Metrics],
    forecast: dsl.Output[dsl.Artifact],
) -> None:
    """Train one iteration and one epoch on a tiny sample, look for bugs, and forecast what the full training costs.

    Parameters
    ----------
    features
        The feature store.
    examples
        The example table that it was built from: training and serving must prepare its rows alike.
    recipe
        The recipe of the full run.
    training
        What the problem file changes of it, as JSON; empty for nothing.
    budget
        What the training may cost, as JSON; empty for no limit.
    asked_classes
        The classes that the problem file names for the analysis, as JSON: whether the data have them; empty for none.
    seed
        The run's seed.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    smoke_report
        Every check with what it measured, and the forecast.
    smoke_verdict
        Whether the full run may start.
    smoke_metrics
        Number of checks, how long they took, and the forecast's figures.
    forecast
        Duration, GPU-hours, memory and money that the full training is expected to take, as JSON.
    """
    from components.training.jobs.smoke_test import smoke_test, SmokePaths

    paths = SmokePaths(features=features.path, examples=examples.path, report=smoke_report.path,
                       verdict=smoke_verdict.path, metrics=smoke_metrics.path, forecast=forecast.path)  # fmt: skip
    result = smoke_test(
        paths, recipe=recipe, training=training, budget=budget, seed=seed, device=device,
        asked_classes=asked_classes,
    )  # fmt: skip
    smoke_metrics.log_metric("duration_s", result.duration_s)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_model(
    features: dsl.Input[dsl.Dataset],
    schema: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    splits: dsl.Input[dsl.Artifact],
    forecast: dsl.Input[dsl.Artifact],
    recipe: str,
    training: str,
    seed: int,
    checkpoint_dir: str,
    warm_start: str,
    device: str,
    model: dsl.Output[dsl.Model],
    train_report: dsl.Output[dsl.HTML],
    train_metrics: dsl.Output[dsl.Metrics],
    logs: dsl.Output[dsl.Artifact],
) -> None:
    """Train a model on one node; a run that was interrupted goes on from its last checkpoint.

    Parameters
    ----------
    features
        The feature store.
    schema
        The training data's schema, kept in the bundle.
    statistics
        The training data's statistics, kept in the bundle.
    splits
        Content id and split of every example, kept in the bundle.
    forecast
        What the smoke test expected the training to take, compared in the report.
    recipe
        full, fine_tune or smoke.
    training
        What the problem file changes of it, as JSON; empty for nothing.
    seed
        Decides everything random.
    checkpoint_dir
        A folder or URI that outlives this step.
    warm_start
        A bundle whose weights training starts from; empty for what the problem file says.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    model
        The model bundle: config, safetensors, schema, statistics.
    train_report
        Loss curves, settings, and the forecast against what was needed.
    train_metrics
        Losses of the best epoch, and what the training took.
    logs
        TensorBoard's event files.
    """
    from components.training.jobs.train_model import train_model, TrainingInputs, TrainingOutputs

    inputs = TrainingInputs(features=features.path, schema=schema.path, statistics=statistics.path,
                            splits=splits.path, forecast=forecast.path)  # fmt: skip
    outputs = TrainingOutputs(model=model.path, report=train_report.path, metrics=train_metrics.path, logs=logs.path)
    result = train_model(
        inputs, outputs, recipe=recipe, training=training, seed=seed, checkpoint_dir=checkpoint_dir, device=device,
        warm_start=warm_start,
    )  # fmt: skip
    train_metrics.metadata.update(result.metrics)
    model.metadata.update(backbone=result.backbone, **result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_on_nodes(
    features: dsl.Input[dsl.Dataset],
    schema: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    splits: dsl.Input[dsl.Artifact],
    forecast: dsl.Input[dsl.Artifact],
    recipe: str,
    training: str,
    seed: int,
    checkpoint_dir: str,
    warm_start: str,
    node_image: str,
    workspace_claim: str,
    secret: str,
    cpu: str,
    cpu_limit: str,
    memory: str,
    memory_limit: str,
    model: dsl.Output[dsl.Model],
    train_report: dsl.Output[dsl.HTML],
    train_metrics: dsl.Output[dsl.Metrics],
    logs: dsl.Output[dsl.Artifact],
) -> None:
    """Train a model on several nodes with a Kubeflow TrainJob; a step tried again takes over the job that runs.

    Parameters
    ----------
    features
        The feature store, on the workspace.
    schema
        The training data's schema, kept in the bundle.
    statistics
        The training data's statistics, kept in the bundle.
    splits
        Content id and split of every example, kept in the bundle.
    forecast
        What the smoke test expected the training to take, compared in the report.
    recipe
        full, fine_tune or smoke.
    training
        What the problem file changes of it, as JSON: num_nodes and num_processes (GPUs a node) among it.
    seed
        Decides everything random.
    checkpoint_dir
        A folder of the workspace or a URI.
    warm_start
        A bundle whose weights training starts from; empty for what the problem file says.
    node_image
        The image of the nodes.
    workspace_claim
        The volume claim that nodes mount.
    secret
        The secret by which nodes reach an object store; it may be absent from the cluster.
    cpu
        Cores that each node's pod asks for.
    cpu_limit
        The most cores that it may take.
    memory
        Memory that each node's pod asks for.
    memory_limit
        The most memory that it may take.

    Returns
    -------
    model
        The model bundle: config, safetensors, schema, statistics.
    train_report
        Loss curves, settings, and the forecast against what was needed.
    train_metrics
        Losses of the best epoch, and what the training took.
    logs
        TensorBoard's event files.
    """
    from components.training.jobs.train_on_nodes import Nodes, StepSize, train_on_nodes, TrainingInputs, TrainingOutputs

    inputs = TrainingInputs(features=features.path, schema=schema.path, statistics=statistics.path,
                            splits=splits.path, forecast=forecast.path)  # fmt: skip
    outputs = TrainingOutputs(model=model.path, report=train_report.path, metrics=train_metrics.path, logs=logs.path)
    size = StepSize(cpu=cpu, cpu_limit=cpu_limit, memory=memory, memory_limit=memory_limit)
    nodes = Nodes(image=node_image, workspace_claim=workspace_claim, secret=secret, size=size)
    result = train_on_nodes(inputs, outputs, nodes, recipe=recipe, training=training, seed=seed,
                            checkpoint_dir=checkpoint_dir, warm_start=warm_start)  # fmt: skip
    train_metrics.metadata.update(result.metrics)
    model.metadata.update(backbone=result.backbone, **result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def plan_augmentation_search(
    search: str, problem: str, preparation: str, training: str, data_fingerprint: str, seed: int
) -> list[str]:
    """Plan the trials of a search among augmentation policies.

    Parameters
    ----------
    search
        YAML or JSON: policies, repeats, epochs, max_examples, metric; empty for the defaults.
    problem
        The problem without its sections, as JSON.
    preparation
        How examples are prepared, as JSON; empty for nothing.
    training
        What the problem file changes of the recipe, as JSON; empty for nothing.
    data_fingerprint
        Changes when the data or a policy's file change; it keeps the cache honest.
    seed
        Decides everything random.

    Returns
    -------
    Output
        The trials, JSON each.
    """
    from components.training.jobs.plan_augmentation_search import plan_augmentation_search as job

    return job(search=search, problem=problem, preparation=preparation, training=training, seed=seed)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def try_augmentation_policy(
    features: dsl.Input[dsl.Dataset],
    trial: str,
    recipe: str,
    checkpoint_dir: str,
    device: str,
    result: dsl.Output[dsl.Artifact],
    trial_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Train for a short while with one augmentation policy, and judge the network on the validation rows.

    Parameters
    ----------
    features
        The feature store; its own policy is not used.
    trial
        Policy, seed, budget and what the problem file says of training, as JSON.
    recipe
        The recipe of the full run.
    checkpoint_dir
        A folder or URI that outlives this step.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    result
        The score of every validation row, as JSON.
    trial_metrics
        Accuracy, log loss and seconds.
    """
    from components.training.jobs.try_augmentation_policy import TrialPaths, try_augmentation_policy

    paths = TrialPaths(features=features.path, result=result.path, metrics=trial_metrics.path)
    tried = try_augmentation_policy(paths, trial=trial, recipe=recipe, checkpoint_dir=checkpoint_dir, device=device)
    trial_metrics.metadata.update(tried.metrics())
    result.metadata.update(policy=tried.trial.name, seed=tried.trial.seed)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def rank_augmentation_policies(
    results: dsl.Input[list[dsl.Artifact]],
    problem: str,
    ranking_report: dsl.Output[dsl.HTML],
    ranking: dsl.Output[dsl.Artifact],
    problem_file: dsl.Output[dsl.Artifact],
) -> NamedTuple("Ranked", [("winner", str), ("reason", str), ("problem_text", str)]):  # type: ignore[valid-type]
    """Rank the policies of a search with intervals, and write the winner into the problem file.

    Parameters
    ----------
    results
        The trials' results.
    problem
        The problem file's text; empty where everything is inferred.

    Returns
    -------
    ranking_report
        The ranked table, and every training.
    ranking
        The ranking, as JSON.
    problem_file
        The problem file with the winner as its augmentation policy.
    winner
        The policy to train with.
    reason
        Why.
    problem_text
        The problem file's text.
    """
    from components.training.jobs.rank_augmentation_policies import rank_augmentation_policies as job

    ranked = job(
        results=results,
        problem=problem,
        report_path=ranking_report.path,
        ranking_path=ranking.path,
        problem_path=problem_file.path,
    )
    return (ranked.winner, ranked.reason, ranked.problem)
