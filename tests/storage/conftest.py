from tests.storage.stores import bucket, files, s3_server, s3_settings, spoil

__all__ = ["bucket", "files", "s3_server", "s3_settings", "spoil"]
