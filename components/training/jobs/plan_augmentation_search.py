"""Plans the trials of an augmentation search."""

from components.modeling.preparation_settings import preparation_settings_from_text
from components.shared.contracts.problem import parse_problem
from components.shared.runtime.errors import ContractError
from components.training.augmentation_search.trials import planned_trials, search_settings_from_text
from components.training.training_config import training_changes


def plan_augmentation_search(*, search: str, problem: str, preparation: str, training: str, seed: int) -> list[str]:
    """The trials of a search as JSON texts, the items of a pipeline's loop.

    Parameters
    ----------
    search
        See `search_settings_from_text`.
    problem
        The problem file without its sections; empty where everything is inferred.
    preparation, training
        These sections as JSON; empty for nothing.
    seed
        See `planned_trials`.

    Raises
    ------
    ContractError
        If the examples are no images, training does not augment, or a setting is wrong.
    """
    modality = parse_problem(problem).modality
    if modality not in (None, "image"):
        raise ContractError(f"policies are searched for images, but the problem file says modality {modality}")
    image_size = preparation_settings_from_text(preparation).image_size
    settings = search_settings_from_text(search)
    changes = training_changes(training)
    if changes.get("augment") is False:
        raise ContractError("training.augment must be true for a search: without it all policies train alike")
    trials = planned_trials(settings, training=changes, seed=seed, image_size=image_size)
    return [trial.to_text() for trial in trials]
