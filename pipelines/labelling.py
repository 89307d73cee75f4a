"""The two pipelines of a round of labelling: up to the queue that people fill in, and from their labels to a release."""

from kfp import dsl
from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from components.active_learning.component import (
    check_labelling_inputs,
    choose_model,
    export_queue,
    select_examples,
    write_pseudo_labels,
)
from components.model_analysis.component import evaluate_model, score_examples
from pipelines.layers.chain import ANALYSED, layers_of, Layers
from pipelines.layers.labelled_data import labelled_data_layer
from pipelines.steps.gates import run_page
from pipelines.steps.inputs import checked_inputs, FormValues, size_of
from pipelines.steps.named_components import under_name
from pipelines.steps.placement import (
    Access,
    called,
    device_of,
    LIGHT,
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
