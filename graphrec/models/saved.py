"""How any saved model is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.errors import ArgumentError, ModelError
from graphrec.models import class_of
from graphrec.models.fitted import FittedVectors
from graphrec.models.fitted_hybrid import FittedHybrid
from graphrec.models.fitted_network import FittedNetwork
from graphrec.models.fitted_product import FittedProduct
from graphrec.train.storage import read_tensors

if TYPE_CHECKING:
    from pathlib import Path

FORMS: dict[str, type[FittedVectors | FittedProduct | FittedHybrid]] = {
    "vectors": FittedVectors,
    "network": FittedNetwork,
    "product": FittedProduct,
    "hybrid": FittedHybrid,
}


def load_model(path: str | Path) -> FittedVectors | FittedProduct | FittedHybrid:
    """Read a model that `FittedModel.save` wrote.

    Args:
        path: its file.

    Raises:
        ModelError: the file is missing, is no model, is truncated or altered, or of another graphrec.
    """
    tensors, metadata = read_tensors(path, "model")
    form = metadata.get("form", FittedVectors.form)
    if class_of(metadata["kind"]) is None or form not in FORMS:
        raise ModelError(
            f"`path` must be a saved model. Got {str(path)!r} of the kind {metadata['kind']!r}, which this graphrec "
            "does not know. Upgrade graphrec, or import the module that defines a model of your own."
        )
    try:
        return FORMS[form].from_file(tensors, metadata)
    except ArgumentError as error:
        raise ModelError(
            f"`path` must be a saved model with options that this graphrec takes. Got {str(path)!r}: {error} "
            "Fit it again."
        ) from error
