"""No secret in what a run leaves behind: event logs, run metadata, compute logs, tables, ledger."""

from alchemiser_dagster.embedded import Connection

from .conftest import World


def test_nothing_a_run_wrote_holds_a_secret(world: World) -> None:
    """Every file of the account's folder, byte by byte, but the one made to hold them."""
    kept = Connection.path_for(world.home.broker)
    credentials = Connection.read(kept).credentials
    secrets = (credentials.api_key, credentials.secret_key, credentials.control_token)
    files = [file for file in world.home.path.rglob("*") if file.is_file() and file != kept]
    assert any(file.is_relative_to(world.home.dagster) for file in files)
    leaks = [
        str(file.relative_to(world.home.path))
        for file in files
        if any(secret.encode() in file.read_bytes() for secret in secrets)
    ]
    assert leaks == []
    assert kept.stat().st_mode & 0o077 == 0
