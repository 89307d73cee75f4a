"""The two pipelines of a round of labelling: up to the queue that people fill in, and from there to a release."""

from kfp import dsl
from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from components.active_learning.component import (
    check_labelling_inputs,
    choose_model,
    compare_labels,
    export_queue,
    open_queue,
    select_examples,
    write_pseudo_labels,
)
from components.model_analysis.component import evaluate_model, score_examples
from pipelines.layers.chain import analysed_release, Layers, layers_of, STEP_NAMES, tested_training, trained_model
from pipelines.layers.labelled_data import labelled_data_layer
from pipelines.steps.gates import run_page
from pipelines.steps.inputs import checked_inputs, FormValues, size_of
from pipelines.steps.named_components import under_name
from pipelines.steps.placement import (
    Access,
    called,
    device_of,
    model_size,
    MONITORING,
    on_cpu,
    on_gpu,
    ProfileName,
    retried,
    SCORING,
    uncached,
    with_access,
    with_personal_key,
    with_workspace,
    WORKSPACE_CLAIM,
    WORKSPACE_PATH,
)

PIPELINE_NAME, TRAINING_NAME = "pluszero-labelling", "pluszero-labelled-training"
# What a run that learns from a queue does in place of a training's steps.
_IN_PLACE = {
    "check inputs": ("open queue", "check inputs"),
    "ingest examples": ("import labels",),
    "train model": ("train model", "evaluate trained on", "evaluate trained anew", "choose model"),
}
LEARNING_STEPS = tuple(step for name in STEP_NAMES for step in _IN_PLACE.get(name, (name,)))


def labelling_pipeline(profile: ProfileName) -> BaseComponent:
    """The pipeline up to the queue for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(
        name=PIPELINE_NAME,
        description="Score a pool, choose what people label, let the model label with a guard, and write the queue.",
    )
    def labelling(
        examples_uri: str,
        model_uri: str,
        queue_uri: str,
        unlabelled_pool_uri: str = "",
        round_before_uri: str = "",
        round_number: int = 1,
        seed: int = 0,
        settings: str = "",
        workspace_claim: str = WORKSPACE_CLAIM,
    ) -> None:
        """Ask people about the examples that teach most.

        Parameters
        ----------
        examples_uri
            The example table that the model was trained on: a path, s3://bucket/examples or pvc://CLAIM/examples.
        model_uri
            The published model bundle: s3://bucket/models/pets/0123456789abcdef, or pvc://CLAIM/models/...
        queue_uri
            A folder or URI of its own that the queue is written to; scores lie beside it, at QUEUE-scores.
        unlabelled_pool_uri
            The pool, an example table without splits; empty where the table's unlabelled rows are the pool.
        round_before_uri
            The queue of the round before: what people said of its random rows is the audit of the model's labels. Empty
            in the first round.
        round_number
            Which round of labelling, from 1.
        seed
            Decides everything random.
        settings
            The round's settings, YAML or JSON: budget, strategies, dropout_passes, pseudo_labels, queue; empty for the
            defaults.
        workspace_claim
            The volume claim that steps mount at /mnt/pluszero: the CLAIM of pvc:// URIs.
        """
        access = Access(claim=workspace_claim)
        inputs = check_labelling_inputs(
            examples_uri=examples_uri,
            pool_uri=unlabelled_pool_uri,
            model_uri=model_uri,
            queue_uri=queue_uri,
            previous_queue_uri=round_before_uri,
            settings=settings,
            workspace_claim=workspace_claim,
        )
        # What is outside changes by itself, and the queue is written outside: no cache may answer.
        with_access(called(uncached(on_cpu(inputs, MONITORING)), "check labelling inputs"), access)
        pool = _scored(inputs, "pool", profile, access, dropout_passes=inputs.outputs["dropout_passes"])
        known = _scored(inputs, "examples", profile, access, dropout_passes=0)
        tables = {"examples": inputs.outputs["examples"], "pool": inputs.outputs["pool"]}
        round_of = {
            "round_number": round_number,
            "model_version": inputs.outputs["model_version"],
        }
        chosen = select_examples(
            predictions=pool.outputs["predictions"],
            **tables,
            budget=inputs.outputs["budget"],
            strategies=inputs.outputs["strategies"],
            seed=seed,
            **round_of,
        )
        proposed = write_pseudo_labels(
            pool_predictions=pool.outputs["predictions"],
            predictions=known.outputs["predictions"],
            previous_requests=inputs.outputs["previous_requests"],
            **tables,
            is_wanted=inputs.outputs["pseudo_labels"],
            **round_of,
            device="cpu",
        )
        queue = export_queue(
            label_requests=chosen.outputs["label_requests"],
            pool=tables["pool"],
            model_labels=proposed.outputs["model_labels"],
            **{name: inputs.outputs[name] for name in ("examples_uri", "pool_uri", "model_uri", "queue_uri")},
            settings=inputs.outputs["queue_settings"],
        )
        compared = compare_labels(examples=tables["examples"], predictions=known.outputs["predictions"], device="cpu")
        for step, name in (
            (chosen, "choose examples"),
            (proposed, "write pseudo labels"),
            (compared, "compare labels"),
        ):
            with_workspace(called(on_cpu(step, MONITORING), name), workspace_claim)
        with_access(called(uncached(retried(on_cpu(queue, MONITORING), MONITORING, times=3)), "export queue"), access)

    return labelling


def _scored(
    inputs: PipelineTask, table: str, profile: ProfileName, access: Access, *, dropout_passes: int
) -> PipelineTask:
    """One of the two tables, scored by the model; what a stopped run has scored is not scored again."""
    scored = under_name(score_examples, f"score-{table}")(
        examples_uri=inputs.outputs[f"{table}_uri"],
        model_uri=inputs.outputs["model_uri"],
        output_uri=f"{inputs.outputs['queue_uri']}-scores/{table}",
        problem="",
        dropout_passes=dropout_passes,
        workspace_claim=access.claim,
        device=device_of(profile),
    )
    uncached(on_gpu(called(scored, f"score {table}"), SCORING, profile=profile))
    return with_personal_key(with_access(retried(scored, SCORING, times=3), access))


def labelled_training_pipeline(profile: ProfileName) -> BaseComponent:
    """The pipeline from a filled-in queue to a release for one kind of cluster, as kfp compiles it."""
    layers, labelled_data = layers_of(profile), labelled_data_layer()

    @dsl.pipeline(
        name=TRAINING_NAME,
        description="Merge what people labelled, train on and anew, choose, analyse, publish and probe a model.",
    )
    def labelled_training(
        labelling_queue_uri: str,
        model_root: str,
        people_labels_uri: str = "",
        problem: str = "",
        recipe: str = "full",
        seed: int = 0,
        model_name: str = "model",
        checkpoint_dir: str = f"{WORKSPACE_PATH}/checkpoints",
        feature_dir: str = f"{WORKSPACE_PATH}/features",
        workspace_claim: str = WORKSPACE_CLAIM,
    ) -> None:
        """Take labels to a served model.

        Parameters
        ----------
        labelling_queue_uri
            The queue that the labelling pipeline wrote; it says which table, pool and model it was made from.
        people_labels_uri
            What people filled in, a CSV, an export of Label Studio or a folder of several; empty where they did in the
            queue's own folder.
        model_root
            A folder or URI that models are published to, s3://bucket/models or pvc://CLAIM/models for one.
        problem
            The problem file of the training: its URI or its text; empty where everything is inferred.
        recipe
            How to train: full, fine_tune or smoke.
        seed
            Decides everything random.
        model_name
            Name of the model and of its endpoint: lower-case letters, digits and dashes.
        checkpoint_dir
            A folder or URI that outlives the run, for checkpoints.
        feature_dir
            A folder of the workspace for prepared examples; empty passes them between steps as a copy.
        workspace_claim
            The volume claim that steps mount at /mnt/pluszero: the CLAIM of pvc:// URIs.
        """
        with dsl.ExitHandler(run_page("training", LEARNING_STEPS, claim=workspace_claim), name="training run"):
            opened = open_queue(
                queue_uri=labelling_queue_uri, labels_uri=people_labels_uri, workspace_claim=workspace_claim
            )
            with_access(called(uncached(on_cpu(opened, MONITORING)), "open queue"), Access(claim=workspace_claim))
            form: FormValues = {
                "source": opened.outputs["examples_uri"],
                "data_fingerprint": "",
                "recipe": recipe,
                "backbone": opened.outputs["backbone"],
                "seed": seed,
                "model_name": model_name,
                "model_root": model_root,
                "checkpoint_dir": checkpoint_dir,
                "feature_dir": feature_dir,
                "workspace_claim": workspace_claim,
            }
            inputs = checked_inputs(form, problem, profile=profile)
            data = labelled_data(
                previous_examples=opened.outputs["examples"],
                pool=opened.outputs["pool"],
                model_labels=opened.outputs["model_labels"],
                queue_uri=opened.outputs["queue_uri"],
                labels_uri=opened.outputs["labels_uri"],
                preparation=inputs.outputs["preparation"],
                secret=inputs.outputs["secret"],
                **{name: form[name] for name in ("backbone", "feature_dir", "workspace_claim")},
                **size_of(inputs, "data"),
            )
            data.set_display_name("labelled data")
            chosen = _chosen_model(layers, form, inputs, data, opened, profile)
            analysed_release(
                layers, form, inputs, examples=data.outputs["examples"], model=chosen.outputs["chosen_model"]
            )

    return labelled_training


def _chosen_model(
    layers: Layers,
    form: FormValues,
    inputs: PipelineTask,
    data: PipelineTask,
    opened: PipelineTask,
    profile: ProfileName,
) -> PipelineTask:
    """Of a model that is trained on from the one that scored the pool and one that is trained anew, the better."""
    tested = tested_training(layers, form, inputs, data, data)
    candidates = {"on": opened.outputs["model_uri"], "anew": ""}
    told: dict[str, object] = {"examples": data.outputs["examples"]}
    for place, (name, warm_start) in zip(("first", "second"), candidates.items(), strict=True):
        trained = trained_model(layers, form, inputs, data, data, tested, warm_start=warm_start)
        trained.set_display_name(f"training {name}")
        scored = under_name(evaluate_model, f"evaluate-trained-{name}")(
            examples=data.outputs["examples"],
            model=trained.outputs["model"],
            target=inputs.outputs["target"],
            recipe=form["recipe"],
            device=device_of(profile),
        )
        on_gpu(called(scored, f"evaluate trained {name}"), model_size(**size_of(inputs, "training")), profile=profile)
        with_workspace(scored, form["workspace_claim"])
        told |= {
            f"{place}_predictions": scored.outputs["predictions"],
            f"{place}_model": trained.outputs["model"],
            f"{place}_name": f"trained {name}",
        }
    chosen = choose_model(**told)
    return with_workspace(called(on_cpu(chosen, MONITORING), "choose model"), form["workspace_claim"])
