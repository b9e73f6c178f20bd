"""A setting names a path or an address; what can't be used is refused in one sentence."""

import importlib.util
import re
from pathlib import Path

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.locations import (
    SCHEMES,
    address_of,
    is_address,
    name_of,
    parse_location,
    require_path,
    without_secrets,
)


def parse(text):
    return parse_location(text, "news.path")


@pytest.mark.parametrize(
    "text", ["data", "/data/news.csv", "a b/ü.csv", "C:\\news", "notes: 3.csv"]
)
def test_paths_stay_paths(text):
    assert not is_address(text)
    assert parse(text) == Path(text)


@pytest.mark.parametrize(
    "text", ["file:///data/a%20b.csv", "FILE:///data/a%20b.csv", "file://localhost/data/a%20b.csv"]
)
def test_addresses_of_files_of_this_machine_are_paths(text):
    assert parse(text) == require_path(text, "config_file") == Path("/data/a b.csv")


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("s3://bucket/a/news.csv", "s3://bucket/a/news.csv", "news.csv"),
        ("S3://bucket/a/", "s3://bucket/a", "a"),
        ("memory://a/b.csv", "memory://a/b.csv", "b.csv"),
        ("https://host/a/b%20c.csv?sig=x", "https://host/a/b%20c.csv?…", "b c.csv"),
        ("https://me:pw@host:8/a.csv", "https://…@host:8/a.csv", "a.csv"),
    ],
)
def test_an_address_has_a_name_and_is_shown_without_secrets(text, address, name):
    location = parse(text)
    assert not isinstance(location, Path)
    assert (address_of(location), name_of(location)) == (address, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo://host/x", "`news.path`=foo://host/x: addresses of this kind can't be used. Set it"),
        ("ftp://me:pw@host/x", "`news.path`=ftp://…@host/x: addresses of this kind"),
        ("simplecache::s3://b/x", "addresses of this kind"),
        ("s3:/bucket/x", "begins with s3://, with two slashes"),
        ("s3:", "begins with s3://, with two slashes"),
        ("s3://", "lacks the name of its bucket or host"),
        ("https:///a.csv", "lacks the name of its bucket or host"),
        ("file://host/a.csv", "such as file:///data"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(text, message):
    with pytest.raises(SettingError, match=re.escape(message)) as e:
        parse(text)
    assert "pw" not in str(e.value)


@pytest.mark.parametrize("scheme", [name for name, scheme in SCHEMES.items() if scheme.package])
def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, scheme):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    package, extra = SCHEMES[scheme][:2]
    with pytest.raises(SettingError) as error:
        parse(f"{scheme}://me:pw@bucket/news?sig=x")
    assert str(error.value) == (
        f"`news.path`={scheme}://…@bucket/news?…: needs the package {package}, which is not "
        f"installed. Run: pip install 'newsclust_pipeline[{extra}]'"
    )


@pytest.mark.parametrize("text", ["s3://bucket/x", "https://host/x", "s3:/x", "foo://x"])
def test_a_setting_that_must_be_a_path_refuses_addresses(text):
    with pytest.raises(SettingError, match=r"`config_file`=.*must be a path on this machine"):
        require_path(text, "config_file")


def test_secrets_leave_every_address_in_a_text():
    text = "Cannot connect to https://u:p@h/a?k=1 ('s3://k:s@b/x'), but https://h/plain is fine?"
    shown = without_secrets(text)
    assert shown == "Cannot connect to https://…@h/a?… ('s3://…@b/x'), but https://h/plain is fine?"
