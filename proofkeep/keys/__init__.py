"""Adapters for key providers and host secrets: AWS KMS, local key files, systemd credentials.

`uris` picks one by the scheme of its URI. The cloud SDK is imported only by the modules whose names start with
`kms`, so a host with local keys never loads it. Nothing here knows packs, repositories or orchestrators.
"""
