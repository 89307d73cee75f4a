"""All that is asked of a cluster before a run, in the order in which one would mend it."""

from components.cluster.answers import Answer
from components.cluster.api import ClusterApi
from components.cluster.checks.images import image_answers
from components.cluster.checks.namespace import namespace_answers
from components.cluster.checks.programs import program_answers
from components.cluster.checks.retries import retry_answers
from components.cluster.checks.room import room_answers
from components.cluster.checks.storage import storage_answers
from components.cluster.facts import read_facts, read_room
from components.cluster.wanted import Wanted


def looked_at(api: ClusterApi, wanted: Wanted) -> list[Answer]:
    """An answer to each question; where there is no namespace, on programs and images alone.

    Raises
    ------
    ClusterError
        If the cluster does not answer.
    """
    facts = read_facts(api, wanted)
    answers = [*program_answers(facts, wanted), *retry_answers(facts), *namespace_answers(facts, wanted)]
    if facts.namespace is not None:
        answers += [*storage_answers(facts, wanted), *room_answers(facts, wanted)]
    return [*answers, *image_answers(facts, wanted)]


def no_room(api: ClusterApi, wanted: Wanted) -> list[str]:
    """What a run would wait for in vain, as parts of a sentence: nodes, GPUs, queue, quota, as far as one may look.

    Raises
    ------
    ClusterError
        If the cluster does not answer.
    """
    return [answer.sentence() for answer in room_answers(read_room(api, wanted), wanted) if answer.status == "bad"]
