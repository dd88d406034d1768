"""The models that our loader gives are botocore's own."""

from pathlib import Path

import botocore.loaders
import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError

from proofkeep.tls.service_models import service_models

FILES = ("service-2", "endpoint-rule-set-1", "paginators-1")


@pytest.mark.parametrize("service", ["s3", "kms", "sts", "sso"])
@pytest.mark.parametrize("kind", FILES)
def test_model_is_the_one_botocore_loads(service: str, kind: str) -> None:
    ours = service_models(None).load_service_model(service, kind)
    theirs = botocore.loaders.create_loader().load_service_model(service, kind)

    assert ours == theirs
    assert list(ours) == list(theirs)


def test_document_beside_the_services_is_the_one_botocore_loads() -> None:
    assert service_models(None).load_data("endpoints") == botocore.loaders.create_loader().load_data("endpoints")


def test_unknown_service_and_a_service_without_that_kind_of_model_are_refused() -> None:
    models = service_models(None)

    with pytest.raises(UnknownServiceError):
        models.load_service_model("no-such-service", "service-2")
    with pytest.raises(DataNotFoundError):
        models.load_service_model("s3", "no-such-kind-1")


def test_models_of_a_further_place_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "own-service" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"metadata": {}}')

    models = service_models(str(tmp_path))

    assert models.load_service_model("own-service", "service-2") == {"metadata": {}}
    assert "s3" in models.list_available_services("service-2")
