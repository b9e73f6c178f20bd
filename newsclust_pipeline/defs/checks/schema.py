"""Checks of every table against the schema that `schemas.py` declares.

A table is checked before it is written. It costs little: types and nulls are metadata of the
columns, keys and references are one hash table each.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.columns import Table
from newsclust_pipeline.defs.checks.check import Check, Verdict
from newsclust_pipeline.schemas import TABLES, embeddings

_SHOWN = 3  # problems that a message names


def schema_problems(name: str, tables: Mapping[str, pa.Table]) -> list[str]:
    """Return what in a table differs from its declared schema, one phrase each.

    Args:
        name: the asset.
        tables: the table itself and those that it may refer to, by asset. References to others are
            not checked.
    """
    table, declared = tables[name], _declared(name, tables[name])
    problems = [*_column_problems(table, declared)]
    if not problems:
        problems += [*_key_problems(table, declared), *_reference_problems(tables, name, declared)]
    return problems


def _declared(name: str, table: pa.Table) -> Table:
    """Return the declared table; that of embeddings for the dimension of the vectors."""
    if name != "embeddings" or "embedding" not in table.column_names:
        return TABLES[name]
    return embeddings(getattr(table.schema.field("embedding").type, "list_size", 0))


def _column_problems(table: pa.Table, declared: Table) -> Iterator[str]:
    names = [column.name for column in declared.columns]
    for name in table.column_names:
        if name not in names:
            yield f"{name} is not declared"
    for column in declared.columns:
        if column.name not in table.column_names:
            if not column.optional:
                yield f"{column.name} is missing"
            continue
        values = table[column.name]
        if values.type != column.type:
            yield f"{column.name} is {values.type}, not {column.type}"
        if values.null_count and not column.nullable:
            yield f"{column.name} has {values.null_count} nulls"


def _key_problems(table: pa.Table, declared: Table) -> Iterator[str]:
    if declared.key:
        keys = table.select(declared.key)
        repeated = table.num_rows - keys.group_by(list(declared.key)).aggregate([]).num_rows
        if repeated:
            yield f"{' and '.join(declared.key)} of {repeated} rows are repeated"


def _reference_problems(
    tables: Mapping[str, pa.Table], name: str, declared: Table
) -> Iterator[str]:
    for column, (other, other_column) in declared.references.items():
        if other in tables:
            values = tables[name][column].drop_null()
            known = pc.is_in(values, value_set=tables[other][other_column])
            unknown = len(values) - (pc.sum(known).as_py() or 0)
            if unknown:
                yield f"{unknown} values of {column} are not in {other_column} of {other}"


def _schema_check(name: str) -> Check:
    def has_declared_schema(tables: Mapping[str, pa.Table]) -> Verdict:
        """Columns, types, missing values, keys and references are as documented."""
        problems = schema_problems(name, tables)
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        return Verdict(
            not problems,
            f"{name} does not have its declared schema: {'; '.join(problems[:_SHOWN])}{more}. "
            "It was not written. Has a stage been changed? Otherwise report it as a fault of "
            "newsclust_pipeline, with this line.",
            {"problems": len(problems)},
        )

    return Check(name, has_declared_schema, blocking=True)


CHECKS = [_schema_check(name) for name in TABLES]
