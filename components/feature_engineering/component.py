"""KFP faces of feature engineering."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def build_feature_store(
    examples: dsl.Input[dsl.Dataset],
    backbone: str,
    preparation: str,
    feature_dir: str,
    features: dsl.Output[dsl.Dataset],
    features_report: dsl.Output[dsl.HTML],
) -> None:
    """Prepare every example once, for training to read memory-mapped: images, text or tables.

    Parameters
    ----------
    examples
        The example table.
    backbone
        auto, small_cnn, efficientnet_lite0, timm:<name>, char_ngrams, subwords, hf:<name>, mlp or
        <package.module>:<function>; auto goes by the examples.
    preparation
        What the problem file says of preparation, as JSON; empty leaves it to the examples.
    feature_dir
        A folder that all steps mount, to which the artifact then links; empty puts the examples into the artifact.

    Returns
    -------
    features
        The feature store: prepared examples in Arrow IPC files, with backbone, preprocessing and augmentation policy.
    features_report
        Sizes, settings, and for images a contact sheet of augmented ones.
    """
    from components.feature_engineering.jobs import build_feature_store as job

    result = job(
        examples_path=examples.path,
        backbone=backbone,
        preparation=preparation,
        feature_dir=feature_dir,
        features_path=features.path,
        report_path=features_report.path,
    )
    features.metadata.update(num_examples=result.num_examples, modality=result.modality, backbone=result.backbone)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def embed_examples(examples: dsl.Input[dsl.Dataset], backbone: str, embeddings: dsl.Output[dsl.Dataset]) -> None:
    """Turn every image into a vector with a pretrained network, for comparing data jointly.

    Parameters
    ----------
    examples
        The example table.
    backbone
        A backbone with published weights, efficientnet_lite0 for one.

    Returns
    -------
    embeddings
        The embeddings table: one vector an example.
    """
    from components.feature_engineering.jobs import embed_examples as job

    result = job(examples_path=examples.path, embeddings_path=embeddings.path, backbone=backbone)
    embeddings.metadata.update(num_examples=result.num_examples, embedding_size=result.embedding_size)
