"""Values survive the way to disk and back; files are whole or absent."""

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from newsclust_pipeline.defs.io_managers import (
    CsrIO,
    HistoryIO,
    HtmlIO,
    JsonIO,
    ParquetIO,
    SchemaIO,
    StoryFeedsIO,
)
from newsclust_pipeline.defs.resources import DataFolder
from newsclust_pipeline.search.graph import Neighbours

TABLE = pa.table(
    {
        "doc_id": ["a", "b"],
        "embedding": pa.array([[1.0, 0.0], [0.0, 1.0]], pa.list_(pa.float32(), 2)),
    }
).replace_schema_metadata({"embedder": "minilm"})
NEIGHBOURS = Neighbours(
    doc_id=np.array(["a", "b", "ç"]),
    indices=np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int32),
    distances=np.array([[0.0, 1.5], [0.0, 1.5], [1.5, 1.5]], dtype=np.float32),
    k=1,
    checksums=np.array([1, 2, 3]),
)


def output(name="thing", run_id="0a1b2c3d-e4f5"):
    return dg.build_output_context(asset_key=dg.AssetKey(name), run_id=run_id)


def stored_and_loaded(manager, value):
    manager.handle_output(output(), value)
    return manager.load_input(dg.build_input_context(asset_key=dg.AssetKey("thing")))


@pytest.mark.parametrize(
    ("manager", "value"),
    [
        (ParquetIO, TABLE),
        (JsonIO, {"count": 3, "name": "Zürich"}),
        (HtmlIO, "<p>“Zürich”</p>\n"),
    ],
)
def test_values_come_back_as_they_went(tmp_path, manager, value):
    loaded = stored_and_loaded(manager(folder=DataFolder(path=str(tmp_path))), value)
    assert loaded == value
    if manager is ParquetIO:
        assert loaded.schema.metadata == value.schema.metadata
        assert loaded.schema.field("embedding").type.list_size == 2


def test_neighbours_come_back_as_they_went(tmp_path):
    loaded = stored_and_loaded(CsrIO(folder=DataFolder(path=str(tmp_path))), NEIGHBOURS)
    for name in ("doc_id", "indices", "distances", "k"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(NEIGHBOURS, name))


def test_the_matrix_file_is_one_that_scipy_reads_with_its_zeros(tmp_path):
    CsrIO(folder=DataFolder(path=str(tmp_path))).handle_output(output(), NEIGHBOURS)
    matrix = sp.load_npz(tmp_path / "thing.npz")
    assert matrix.format == "csr"
    assert matrix.nnz == 4, "a-b at distance 0, and c-a, both ways"
    np.testing.assert_array_equal(matrix.toarray(), [[0, 0, 1.5], [0, 0, 0], [1.5, 0, 0]])
    assert list(np.load(tmp_path / "thing.npz")["doc_id"]) == ["a", "b", "ç"]


@pytest.mark.parametrize(
    ("manager", "value"),
    [(ParquetIO, TABLE), (JsonIO, {"b": 1, "a": 2}), (HtmlIO, "x"), (CsrIO, NEIGHBOURS)],
)
def test_the_same_value_gives_the_same_bytes(tmp_path, manager, value):
    for folder in ("one", "two"):
        manager(folder=DataFolder(path=str(tmp_path / folder))).handle_output(output(), value)
    one, two = (next((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    class Failing(HtmlIO):
        def write(self, value, path):
            path.write_text(value[:3], encoding="utf-8")
            raise OSError("no space left on device")

    HtmlIO(folder=DataFolder(path=str(tmp_path))).handle_output(output(), "the old page")
    with pytest.raises(OSError, match="no space"):
        Failing(folder=DataFolder(path=str(tmp_path))).handle_output(output(), "the new page")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["the old page"]


def test_a_missing_file_is_named_with_the_asset_to_materialise(tmp_path):
    context = dg.build_input_context(asset_key=dg.AssetKey("embeddings"))
    with pytest.raises(dg.Failure, match=r"embeddings\.parquet: no such file\. Materialise embedd"):
        ParquetIO(folder=DataFolder(path=str(tmp_path))).load_input(context)


def test_place_and_size_are_recorded(tmp_path):
    context = output("page")
    HtmlIO(folder=DataFolder(path=str(tmp_path))).handle_output(context, "x" * 10)
    metadata = context.consume_logged_metadata()
    assert metadata["path"].value == str(tmp_path / "page.html")
    assert metadata["bytes"] == 10 or metadata["bytes"].value == 10


def test_a_history_grows_and_what_is_in_it_stays(tmp_path):
    manager = HistoryIO(folder=DataFolder(path=str(tmp_path)))
    longer = pa.concat_tables([TABLE, TABLE])
    assert stored_and_loaded(manager, TABLE) == TABLE
    assert stored_and_loaded(manager, TABLE) == TABLE
    assert stored_and_loaded(manager, longer) == longer
    for other in (TABLE, longer.slice(0, 0), longer.take(pa.array([1, 0, 2, 3]))):
        with pytest.raises(
            dg.Failure, match=r"thing\.parquet: another run.*Materialise thing again"
        ):
            manager.handle_output(output(), other)
        assert pq.read_table(tmp_path / "thing.parquet") == longer


def test_the_previous_generation_of_a_history_is_kept(tmp_path):
    manager = HistoryIO(folder=DataFolder(path=str(tmp_path)))
    previous = tmp_path / "thing.previous.parquet"
    longer = pa.concat_tables([TABLE, TABLE])
    manager.handle_output(output(), TABLE)
    assert not previous.exists()
    for _ in range(2):  # a rerun that adds nothing does not replace it
        manager.handle_output(output(), longer)
        assert pq.read_table(previous) == TABLE


def test_of_two_runs_that_add_to_one_history_the_later_writer_is_refused(tmp_path):
    """Both read the same rows; the second would wipe out what the first has added."""
    manager = HistoryIO(folder=DataFolder(path=str(tmp_path)))
    one, other = (pa.concat_tables([TABLE, TABLE.slice(row, 1)]) for row in (0, 1))
    manager.handle_output(output(), TABLE)
    manager.handle_output(output(), one)
    with pytest.raises(dg.Failure, match="another run has added to it meanwhile"):
        manager.handle_output(output(), other)
    assert pq.read_table(tmp_path / "thing.parquet") == one


PAGE = "<dl><div>k 50</div><!--run--><!--/run--></dl>"


def test_a_page_is_signed_with_the_run_that_made_it(tmp_path):
    manager = HtmlIO(folder=DataFolder(path=str(tmp_path)))
    assert stored_and_loaded(manager, PAGE) == PAGE
    written = (tmp_path / "thing.html").read_text()
    assert "<dt>run</dt><dd><bdi>0a1b2c3d</bdi></dd>" in written
    assert " UTC</bdi>" in written


def test_the_same_page_keeps_its_first_signature_another_gets_a_new_one(tmp_path):
    manager = HtmlIO(folder=DataFolder(path=str(tmp_path)))
    manager.handle_output(output(), PAGE)
    first = (tmp_path / "thing.html").read_bytes()
    manager.handle_output(output(run_id="ffffffff-0000"), PAGE)
    assert (tmp_path / "thing.html").read_bytes() == first
    manager.handle_output(output(run_id="ffffffff-0000"), PAGE.replace("50", "40"))
    assert b"ffffffff" in (tmp_path / "thing.html").read_bytes()


def test_a_damaged_page_is_written_anew(tmp_path):
    (tmp_path / "thing.html").write_bytes(b"\xff\xfe")
    assert stored_and_loaded(HtmlIO(folder=DataFolder(path=str(tmp_path))), PAGE) == PAGE


def test_what_the_last_run_made_is_there_to_build_on_unless_it_is_broken_which_is_told(tmp_path):
    manager, said = ParquetIO(folder=DataFolder(path=str(tmp_path))), []
    assert manager.last("thing", said.append) is None
    assert not said, "a first run has no last one"
    manager.handle_output(output(), TABLE)
    assert manager.last("thing", said.append) == TABLE
    for broken in (b"", b"no table"):
        (tmp_path / "thing.parquet").write_bytes(broken)
        assert manager.last("thing", said.append) is None
        assert str(tmp_path / "thing.parquet") in said.pop()


def test_a_served_data_folder_gives_the_ui_a_link_to_the_page(tmp_path):
    for served, link in {
        "": None,
        "http://maps.example/news/": "http://maps.example/news/page.html",
    }.items():
        context = output("page")
        HtmlIO(folder=DataFolder(path=str(tmp_path)), data_url=served).handle_output(
            context, "a page"
        )
        found = context.consume_logged_metadata().get("page")
        assert (found and found.value) == link


def test_feeds_are_a_file_each(tmp_path):
    manager = StoryFeedsIO(folder=DataFolder(path=str(tmp_path)))
    feeds = {"stories.atom": "<feed/>", "stories.feed.json": "{}"}
    assert stored_and_loaded(manager, feeds) == feeds
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(feeds)


@pytest.mark.parametrize("manager", [JsonIO, SchemaIO])
def test_every_flipped_bit_is_noticed_or_has_no_effect(tmp_path, manager):
    folder = DataFolder(path=str(tmp_path))
    value = TABLE if manager is SchemaIO else {"count": 3, "digest": "9f2c", "index": "FLAT"}
    writer = ParquetIO(folder=folder) if manager is SchemaIO else JsonIO(folder=folder)
    writer.handle_output(output(), value)
    path = tmp_path / f"thing{manager.ending}"
    content, reader, noticed = bytearray(path.read_bytes()), manager(folder=folder), 0
    expected = reader.last("thing")
    for bit in range(0, 8 * len(content), 3):
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        read = reader.last("thing")
        assert read is None or read == expected, bit
        if manager is SchemaIO and read is not None:
            assert read.metadata[b"embedder"] == b"minilm", bit
        noticed += read is None
        content[bit // 8] ^= 1 << bit % 8
    assert noticed > 100


def test_a_page_whose_footer_is_damaged_is_signed_anew(tmp_path):
    manager = HtmlIO(folder=DataFolder(path=str(tmp_path)))
    html = "<footer><!--run--><!--/run--></footer>"
    manager.handle_output(output(), html)
    path = tmp_path / "thing.html"
    first = path.read_text()
    path.write_text(first.replace("0a1b2c3d", "0a1b2c3e"))
    manager.handle_output(output(run_id="ffffffff-0"), html)
    assert "ffffffff" in path.read_text()
    assert "0a1b2c3e" not in path.read_text()
