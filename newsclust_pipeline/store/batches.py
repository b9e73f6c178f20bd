"""Rows cut into batches that fit into one call."""

from collections.abc import Iterator, Sequence

ROWS_PER_CALL = 1000
BYTES_PER_CALL = 16 << 20  # of the 64 MiB that a server accepts or returns


def batches(sizes: Sequence[int]) -> Iterator[slice]:
    """Yield slices of consecutive rows that fit into one call, at least one row each.

    Args:
        sizes: bytes of every row.
    """
    start = total = 0
    for row, size in enumerate(sizes):
        if row > start and (row - start == ROWS_PER_CALL or total + size > BYTES_PER_CALL):
            yield slice(start, row)
            start, total = row, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))
