"""Jobs of model analysis: paths in, paths out; one module each."""

from components.model_analysis.evaluation_job import evaluate_model, EvaluationResult
from components.model_analysis.scoring_job import score_examples, ScoreResult

__all__ = ["EvaluationResult", "ScoreResult", "evaluate_model", "score_examples"]
