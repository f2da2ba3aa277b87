"""Alembic's entry: the connection, with its transaction and its locks, is prepared in football.migrate."""

from alembic import context

options = context.config.attributes
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, output_buffer=options["output"])
else:
    connection = options["connection"]
    if options["owner"]:
        # Objects must belong to the owner: only then its default privileges reach the other roles.
        role = connection.dialect.identifier_preparer.quote(options["owner"])
        connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
    context.configure(connection=connection, on_version_apply=options["on_version_apply"])

with context.begin_transaction():
    context.run_migrations()
