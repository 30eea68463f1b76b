"""What alembic runs for every command: the migrations, on the connection that the caller opened."""

from alembic import context

from alchemiser_dagster.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
    user_module_prefix="columns.",
    render_as_batch=True,  # SQLite alters few things in place
)
with context.begin_transaction():
    context.run_migrations()
