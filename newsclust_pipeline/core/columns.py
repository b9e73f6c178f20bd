"""What a table is made from: columns with a type and a description, and the nested types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from newsclust_pipeline.core.tables import lists_of

TIME = pa.timestamp("us", tz="UTC")
STRINGS = lists_of(pa.string())
DAY = pa.struct(
    [
        pa.field("day", pa.date32(), nullable=False),
        pa.field("articles", pa.int32(), nullable=False),
    ]
)
LANGUAGE = pa.struct(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("articles", pa.int32(), nullable=False),
    ]
)
NEIGHBORS = pa.struct(
    [
        pa.field("ids", lists_of(pa.int32())),
        pa.field("distances", lists_of(pa.float32())),
    ]
)


class Column(NamedTuple):
    """A column of a persisted table.

    Attributes:
        name: its name.
        type: its Arrow type.
        description: what it holds, in one sentence.
        nullable: whether a value may be missing.
        optional: whether the column is written only with some settings.
    """

    name: str
    type: pa.DataType
    description: str
    nullable: bool = True
    optional: bool = False

    @property
    def field(self) -> pa.Field:
        """The column as an Arrow field."""
        return pa.field(self.name, self.type, nullable=self.nullable)


@dataclass(frozen=True)
class Table:
    """A persisted table.

    Attributes:
        description: what a row is.
        columns: in their order.
        key: the columns whose values no two rows share; empty if there are none.
        references: column → the asset and its column that has all its values, nulls aside.
    """

    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    references: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, without optional columns."""
        return pa.schema([column.field for column in self.columns if not column.optional])

    def describe(self, name: str) -> str | None:
        """Return the description of a column; None if the table has no such column."""
        return next((c.description for c in self.columns if c.name == name), None)


def required(name: str, kind: pa.DataType, description: str) -> Column:
    """Return a column without missing values."""
    return Column(name, kind, description, nullable=False)
