"""Lists of feeds."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.files import write_text
from newsclust_pipeline.core.locations import parse_location
from newsclust_pipeline.ingest.feeds.addresses import Address, read_addresses

OPML = """<?xml version="1.0"?><opml version="2.0"><head><title>mine</title></head><body>
<outline text="News"><outline type="rss" text="Harbour" title="Harbour Post"
 xmlUrl="https://a.example/rss"/><outline text="Delta" xmlurl="http://b.example/atom"/></outline>
<outline type="rss" text="again" xmlUrl="https://a.example/rss"/></body></opml>"""


def test_opml_with_folders_gives_every_feed_once_with_its_name(tmp_path):
    (tmp_path / "feeds.opml").write_text(OPML)
    assert read_addresses(str(tmp_path / "feeds.opml")) == [
        Address("https://a.example/rss", "Harbour Post"),
        Address("http://b.example/atom", "Delta"),
    ]


def test_a_text_file_has_one_address_a_line_and_comments(tmp_path):
    (tmp_path / "feeds.txt").write_text(
        "\ufeff# mine\nhttps://a.example/rss#top\n\n  http://b.example/atom  # the delta\n",
        encoding="utf-8",
    )
    urls = [address.url for address in read_addresses(str(tmp_path / "feeds.txt"))]
    assert urls == ["https://a.example/rss#top", "http://b.example/atom"]


@pytest.mark.parametrize("separator", [",", ", ", " ", "\n"])
def test_addresses_may_stand_in_the_setting_itself(separator):
    source = separator.join(["https://a.example/rss", "https://b.example/rss"])
    urls = [address.url for address in read_addresses(source)]
    assert urls == ["https://a.example/rss", "https://b.example/rss"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no feed is listed"),
        ("<opml><body/></opml>", "no feed is listed"),
        ("<opml><body>", "not valid OPML"),
        ("ftp://a.example/rss", "'ftp://a.example/rss' is not the address of a feed"),
        ("file:///etc/passwd", "is not the address of a feed"),
        ('<!DOCTYPE o [<!ENTITY e SYSTEM "file:///etc/passwd">]><opml>&e;</opml>', "not valid"),
    ],
)
def test_what_is_no_list_of_feeds_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "feeds.opml"
    path.write_text(content)
    with pytest.raises(SettingError, match=message) as error:
        read_addresses(str(path))
    assert "feeds.opml" in str(error.value)


def test_a_missing_file_says_what_may_be_set(tmp_path):
    with pytest.raises(SettingError, match=r"cannot be read .*Set `feeds.addresses` to an OPML"):
        read_addresses(str(tmp_path / "none.opml"))


def test_the_list_may_be_in_an_object_store():
    location = parse_location("memory://lists/feeds.opml", "feeds.addresses")
    write_text(OPML, location)
    assert [a.title for a in read_addresses("memory://lists/feeds.opml")] == [
        "Harbour Post",
        "Delta",
    ]
    with pytest.raises(SettingError, match=r"memory://lists/none\.opml: the list of feeds cannot"):
        read_addresses("memory://lists/none.opml")


def test_an_address_of_another_kind_is_refused():
    with pytest.raises(SettingError, match=r"`feeds\.addresses`=ftp://…@host/x: addresses of this"):
        read_addresses("ftp://me:secret@host/x")
