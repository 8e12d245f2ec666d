"""Load a FinBERT model from disk or a hub; the adapter around it is pure (`openapex.signals.finbert`)."""

from openapex.errors import BadInput, UnreadableData
from openapex.signals.finbert import FinbertScorer


def finbert_scorer(model: str = "ProsusAI/finbert") -> FinbertScorer:
    """Return a reader of headlines made from a FinBERT model.

    Parameters
    ----------
    model : str
        A folder that holds the model, or its name on a hub (then it is downloaded once, by transformers).

    Raises
    ------
    BadInput
        If the extra ``finbert`` is not installed.
    UnreadableData
        If the model cannot be loaded.
    """
    try:
        from transformers import pipeline
    except ImportError as error:
        raise BadInput("finbert is asked for, must be installed first: pip install 'openapex[finbert]'") from error
    try:
        return FinbertScorer(pipeline("text-classification", model=model))
    except (OSError, ValueError) as error:
        raise UnreadableData(f"finbert model is {model!r}, must be a folder or hub name of one: {error}") from error
