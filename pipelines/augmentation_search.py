"""The augmentation search: which policy is best is an experiment, not a guess; the winner may go on into a training."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.training.component import plan_augmentation_search, rank_augmentation_policies, try_augmentation_policy
from pipelines.layers.chain import checked_data, layers_of, released_model
from pipelines.layers.data import feature_step
from pipelines.steps.gates import run_page
from pipelines.steps.inputs import checked_inputs, FormValues, size_of
from pipelines.steps.placement import (
    Access,
    called,
    data_size,
    device_of,
    LIGHT,
    model_size,
    on_cpu,
    on_gpu,
    ProfileName,
    retried,
    training_size,
    with_access,
    with_workspace,
    WORKSPACE_CLAIM,
    WORKSPACE_PATH,
)

PIPELINE_NAME = "pluszero-augmentation-search"
# Steps that leave something for the page of the run, in their order; those of the winner come behind them.
SEARCH_STEPS = ("check inputs", "ingest examples", "validate examples", "build feature store", "rank policies")
_RECIPE = "full"
# More trainings at once than this would take the queue from everybody else.
_TRIALS_AT_ONCE = 4


def augmentation_search_pipeline(profile: ProfileName) -> BaseComponent:
    """The augmentation search for one kind of cluster, as kfp compiles it; trials compute where `profile` says."""
    layers = layers_of(profile)

    @dsl.pipeline(
        name=PIPELINE_NAME,
        description="Try augmentation policies in short trainings, rank them, and train with the winner.",
    )
    def augmentation_search(
        model_data: str,
        model_root: str,
        data_fingerprint: str = "",
        problem: str = "",
        search: str = "",
        train_winner: bool = False,
        backbone: str = "auto",
        seed: int = 0,
        model_name: str = "model",
        checkpoint_dir: str = f"{WORKSPACE_PATH}/checkpoints",
        feature_dir: str = f"{WORKSPACE_PATH}/features",
        workspace_claim: str = WORKSPACE_CLAIM,
    ) -> None:
        """Find the augmentation policy that a model of these images learns best with.

        Parameters
        ----------
        model_data
            The images that the model learns from: digits, pets, a path or a URI.
        data_fingerprint
            Any text that changes when the data, or a policy's file, change; empty for the fingerprint of the data.
        model_root
            A folder or URI that a model is published to, where the winner is trained with.
        problem
            The problem file: its URI or its text, YAML or JSON; empty where everything is inferred.
        search
            YAML: policies, repeats, epochs, max_examples, metric; empty for the defaults.
        train_winner
            Whether the training pipeline follows, with the winner.
        backbone
            auto, small_cnn, efficientnet_lite0, timm:<name> or <module>:<function>.
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
        form: FormValues = {
            "source": model_data,
            "data_fingerprint": data_fingerprint,
            "recipe": _RECIPE,
            "backbone": backbone,
            "seed": seed,
            "model_name": model_name,
            "model_root": model_root,
            "checkpoint_dir": checkpoint_dir,
            "feature_dir": feature_dir,
            "workspace_claim": workspace_claim,
        }
        with dsl.ExitHandler(run_page("search", SEARCH_STEPS, claim=workspace_claim), name="search run"):
            inputs = checked_inputs(form, problem)
            # In a loop, kfp's local runner gives the item for every parameter that comes from another step: the trials
            # carry what they need.
            plan = plan_augmentation_search(
                search=search,
                problem=inputs.outputs["data_problem"],
                preparation=inputs.outputs["preparation"],
                training=inputs.outputs["training"],
                data_fingerprint=inputs.outputs["data_fingerprint"],
                seed=seed,
            )
            with_workspace(called(on_cpu(plan, LIGHT), "plan search"), workspace_claim)
            data = checked_data(layers, form, inputs).after(plan)

            with dsl.ParallelFor(plan.output, parallelism=_TRIALS_AT_ONCE, name="trials") as trial:
                tried = try_augmentation_policy(
                    features=data.outputs["features"],
                    trial=trial,
                    recipe=_RECIPE,
                    checkpoint_dir=checkpoint_dir,
                    device=device_of(profile),
                )
                size = training_size(model_size(**size_of(inputs, "training")))
                on_gpu(called(tried, "try policy"), size, profile=profile)
                with_access(tried, Access(claim=workspace_claim, secret=inputs.outputs["secret"]))
                # A node that goes away takes nothing with it: the next try goes on from the last checkpoint.
                retried(tried, size, times=3)

            ranked = rank_augmentation_policies(
                results=dsl.Collected(tried.outputs["result"]), problem=inputs.outputs["problem_text"]
            )
            with_workspace(called(on_cpu(ranked, LIGHT), "rank policies"), workspace_claim)

            with dsl.If(train_winner == True, name="train with the winner"):  # noqa: E712
                chosen = checked_inputs(form, ranked.outputs["problem_text"], name="check the winner")
                features = feature_step(
                    data.outputs["examples"],
                    backbone=backbone,
                    preparation=chosen.outputs["preparation"],
                    feature_dir=feature_dir,
                    size=data_size(**size_of(chosen, "data")),
                    claim=workspace_claim,
                )
                released_model(layers, form, chosen, data, features)

    return augmentation_search
