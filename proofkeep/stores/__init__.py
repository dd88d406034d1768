"""Adapters for object stores: a local directory (`local`) and S3 (`s3`).

Both implement `proofkeep.ports.ObjectStore` and are held to one suite, `tests/contracts/test_object_store.py`.
They know names, bytes and digests; nothing of packs, repositories or keys. Nothing is imported here, so that a
host with local stores never loads the cloud SDK.
"""
