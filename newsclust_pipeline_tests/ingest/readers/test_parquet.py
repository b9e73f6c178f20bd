"""Parquet files."""

from newsclust_pipeline_tests.dumps import parquet, read


def test_batches_nulls_and_nested_cells_are_read(tmp_path):
    news = [
        {"title": None if n % 2 else f"Bees {n}", "source": {"name": "Post"}} for n in range(9000)
    ]
    rows, _ = read(tmp_path / "news.parquet", parquet(news))
    assert [dict(row.cells) for row in rows] == news
    assert [row.number for row in rows] == list(range(1, 9001))
