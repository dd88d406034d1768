"""botocore's service models, read in a third of its time: they are most of the cost of a first client."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.loaders
import msgspec

_OPENERS: dict[str, Callable[..., Any]] = {".json": open, ".json.gz": gzip.open}


class ModelFiles(botocore.loaders.JSONFileLoader):
    """The same files, decoded in C into plain dicts, which keep their order too."""

    def load_file(self, file_path: str) -> Any:
        """The document at `file_path` with `.json` or `.json.gz`; None where there is neither."""
        for ending, opener in _OPENERS.items():
            if os.path.isfile(file_path + ending):  # noqa: PTH113 - hundreds of candidates
                with opener(file_path + ending, "rb") as file:
                    return msgspec.json.decode(file.read())
        return None


class ServiceModels(botocore.loaders.Loader):
    """A service counts as known by its folder: that its model is there shows when it is loaded."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Names of the folders in the search path; botocore looks into each of 400 for `type_name`."""
        del type_name
        roots = [Path(root) for root in self.search_paths if Path(root).is_dir()]
        return sorted({name for root in roots for name in os.listdir(root)})  # noqa: PTH208 - names are wanted


def service_models(data_path: str | None) -> ServiceModels:
    """Models in botocore's own places and in those of `data_path` (AWS_DATA_PATH), in its order."""
    paths = botocore.loaders.create_loader(data_path).search_paths
    return ServiceModels(paths, file_loader=ModelFiles(), include_default_search_paths=False)
