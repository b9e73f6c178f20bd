"""The sweep as a page: every clustering once, inside the frame, in a small file."""

import re

import pyarrow as pa
import pytest

from newsclust_pipeline.viz.parameter_plot import HEIGHT, WIDTH, build_page, format_value

COLUMNS = [
    "algorithm",
    "min_samples",
    "cluster_selection_method",
    "silhouette",
    "noise_share",
    "stability",
]


def sweep_of(*rows):
    return pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows])


@pytest.fixture
def table():
    return sweep_of(
        ("hdbscan", 3, "eom", 0.61, 0.25, 0.9),
        ("hdbscan", 1, "leaf", 0.4, 0.5, None),
        ("hdbscan", 1, "eom", 0.13, 0.02, None),
    )


def positions(page):
    circles = re.findall(r'<circle class="mark" cx="([\d.-]+)" cy="([\d.-]+)"', page)
    diamonds = re.findall(r'<path class="mark" d="M([\d.-]+) ([\d.-]+)', page)
    return [(float(x), float(y)) for x, y in circles + diamonds]


def test_every_clustering_is_a_mark_of_its_method(table):
    page = build_page(table)
    assert page.count('<circle class="mark"') == 2
    assert page.count('<path class="mark"') == 1
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in positions(page))


def test_a_better_silhouette_is_drawn_higher_and_more_noise_further_right(table):
    (low_x, low_y), (best_x, best_y), _ = positions(build_page(table))
    assert best_y < low_y
    assert best_x > low_x


def test_the_recommended_one_is_labelled_once_and_leads_the_table(table):
    page = build_page(table)
    assert page.count(">recommended<") == 1
    first = re.search(r"<tbody><tr>(.*?)</tr>", page)[1]
    assert re.findall("<td>(.*?)</td>", first) == ["hdbscan", "3", "eom", "0.61", "0.25", "0.9"]


def test_colours_tell_min_samples_apart(table):
    assert len(set(re.findall(r'r="6" fill="(#\w+)"', build_page(table)))) == 2


def test_average_linkage_is_a_square_of_its_own_colour():
    page = build_page(
        sweep_of(("average", None, None, 0.5, 0.1, None), ("hdbscan", 1, "eom", 0.4, 0.2, None))
    )
    assert page.count('<rect class="mark"') == 1
    assert ">average linkage<" in page
    assert ">min_samples 1<" in page
    assert len(set(re.findall(r'r="5" fill="(#\w+)"', page))) == 2


@pytest.mark.parametrize(
    "rows", [[], [("hdbscan", 3, "eom", 0.0, 0.0, None)], [("hdbscan", 1, "leaf", -0.2, 1.0, 0.5)]]
)
def test_few_and_extreme_rows_are_drawn_inside_the_frame(rows):
    empty = pa.table({name: pa.array([], pa.float64()) for name in COLUMNS})
    page = build_page(sweep_of(*rows) if rows else empty)
    assert len(positions(page)) == len(rows)
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in positions(page))
    assert "nan" not in page


def test_the_page_is_small_loads_nothing_and_never_varies():
    rows = [("hdbscan", n % 3, "eom", n / 50, n / 100, None) for n in range(24)]
    page = build_page(sweep_of(*rows))
    assert len(page) < 20_000
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page == build_page(sweep_of(*rows))


def test_values_keep_four_digits_and_null_is_empty():
    assert [format_value(v) for v in (0.123456, 3, "eom", None)] == ["0.1235", "3", "eom", ""]
