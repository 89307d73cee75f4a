"""The causes that are suspected, in words, and what a team does about each."""

from collections.abc import Mapping
from typing import Final

WRONG_LABEL: Final = "wrong_label"
BROKEN_PROCESSING: Final = "broken_processing"
POOR_INPUT: Final = "poor_input"
OUT_OF_DISTRIBUTION: Final = "out_of_distribution"
AMBIGUOUS: Final = "ambiguous"
TOO_FEW_EXAMPLES: Final = "too_few_examples"
MODEL_WEAKNESS: Final = "model_weakness"

CAUSES: Mapping[str, str] = {
    WRONG_LABEL: "wrong label",
    BROKEN_PROCESSING: "broken processing",
    POOR_INPUT: "poor input",
    OUT_OF_DISTRIBUTION: "out of distribution",
    AMBIGUOUS: "ambiguous",
    TOO_FEW_EXAMPLES: "too few examples like it",
    MODEL_WEAKNESS: "the model's weakness",
}
REMEDIES: Mapping[str, str] = {
    WRONG_LABEL: "have people check these labels (`rank_label_errors` gives the queue) and merge the corrections",
    BROKEN_PROCESSING: "mend what reads, converts or stores these examples, then ingest again",
    POOR_INPUT: "refuse such inputs where they come in, or collect and label more of them",
    OUT_OF_DISTRIBUTION: "decide whether the model must answer these; if so, collect and label some, else refuse",
    AMBIGUOUS: "sharpen the labelling rules, or let the model abstain where it is unsure",
    TOO_FEW_EXAMPLES: "collect and label more examples like these",
    MODEL_WEAKNESS: "train longer or with a stronger model: the training set holds what it takes",
}
