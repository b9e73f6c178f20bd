"""Rows cut into batches."""

from newsclust_pipeline.store.batches import batches


def test_batches_are_limited_by_rows_and_bytes_and_cover_all_rows():
    def cut(sizes):
        return [(batch.start, batch.stop) for batch in batches(sizes)]

    mebibyte = 1 << 20
    assert cut([]) == []
    assert cut([1] * 2001) == [(0, 1000), (1000, 2000), (2000, 2001)]
    assert cut([6 * mebibyte] * 5) == [(0, 2), (2, 4), (4, 5)]
    assert cut([1, 99 * mebibyte, 1]) == [(0, 1), (1, 2), (2, 3)]  # Milvus may yet refuse it
