"""Names under which exports, feeds and archives keep the fields of an article.

Compared by `plain_name`: without case, accents, spaces and punctuation. English names come in
order of preference; a name in another language ranks after them.
"""

import re
import unicodedata
from functools import lru_cache

FIELDS = ("title", "description", "published_at", "url", "venue")

_ENGLISH: dict[str, str] = {
    "title": "title, headline, heading, article title, news title, head, hed, headline main, "
    "title text, story title, web title, headline text, print headline",
    "description": "description, summary, abstract, snippet, lead, lede, teaser, standfirst, "
    "subtitle, excerpt, short description, article summary, desc, dek, deck, lead paragraph, "
    "trail text, sub headline, subheadline, intro, introduction, synopsis, summary text, "
    "meta description, content, body, main text, article body, text, full text, article text, "
    "body text, content text, paragraphs, plain text, text body, raw text, raw content, "
    "body html, content html, transcript",
    "published_at": "published at, published, publication date, publish date, published date, "
    "date published, pub date, published on, published time, date time pub, "
    "article published time, first publication date, first published at, first published, "
    "date first published, web publication date, publication time, publish time, "
    "time published, date publish, published parsed, published utc, publish timestamp, "
    "date gmt, post date gmt, post date, posted at, posted on, release date, released at, "
    "issue date, issued, date issued, display date, display date time, article date, news date, "
    "date of publication, date time, date utc, datetime utc, date, timestamp, time stamp, "
    "timestamp utc, time, created at, created, creation date, date created, created utc, "
    "seen date, sql date, story date, publication timestamp, pub time",
    "url": "url, link, href, article url, news url, permalink, web url, guid url, document url, "
    "story url, short url, canonical url, canonical link, canonical, article link, news link, "
    "page url, source url, link url, original url, external url",
    "venue": "venue, source, outlet, publisher, publication, newspaper, source name, outlet name, "
    "publisher name, publication name, source title, feed title, feed name, site name, "
    "source hostname, pub title, news outlet, news source, journal, media name, media outlet, "
    "provider name, clean source, site, website, origin title, channel, network, magazine, "
    "provider, media, feed, source domain, domain, hostname, host, site full, source id, "
    "publisher domain, news agency, agency, brand, platform",
}
# Addresses only where the values are: the words have other uses.
_WEAK_URLS = "main entity of page, alternate, links, uri, guid, id, location, loc, address"
# Dates that are used only where a dump has no date of publication.
_LATER_DATES = (
    "updated, updated at, last updated, date updated, modified, modified at, last modified, "
    "date modified, date modify, modified date, updated parsed, date added, added at, indexed, "
    "indexed at, crawled, crawled at, crawl date, scraped at, scraped, scrape date, fetched, "
    "fetched at, date download, download date, downloaded at, retrieved, retrieved at, "
    "collected at, harvested, discover date, inserted at, first seen, 更新时间, 更新日時, 更新日, "
    "aktualisiert, mis à jour, actualizado, обновлено"
)
_TRANSLATED: dict[str, str] = {
    "title": "titel, überschrift, schlagzeile, titre, título, titular, titolo, manchete, kop, "
    "tytuł, nagłówek, titulek, název, nadpis, názov, rubrik, overskrift, tittel, otsikko, "
    "заголовок, название, назва, заглавие, наслов, naslov, titlu, cím, başlık, τίτλος, العنوان, "
    "عنوان, تیتر, سرخی, כותרת, शीर्षक, শিরোনাম, 标题, 標題, 新闻标题, 新聞標題, 题目, 題目, 题名, "
    "タイトル, 見出し, 題名, 件名, 제목, 기사제목, 헤드라인, tiêu đề, หัวข้อ, ชื่อเรื่อง, judul, "
    "tajuk, kichwa, títol, antraštė, virsraksts, pealkiri, തലക്കെട്ട്",
    "description": "beschreibung, zusammenfassung, kurzfassung, vorspann, anriss, résumé, chapô, "
    "chapeau, descripción, resumen, entradilla, bajada, descrizione, riassunto, sommario, "
    "occhiello, descrição, resumo, beschrijving, samenvatting, opis, streszczenie, lid, popis, "
    "perex, beskrivning, ingress, sammanfattning, beskrivelse, kuvaus, tiivistelmä, описание, "
    "аннотация, анонс, краткое содержание, лид, опис, анотація, açıklama, özet, spot, περιγραφή, "
    "περίληψη, الوصف, وصف, الملخص, ملخص, خلاصه, توضیحات, תיאור, תקציר, विवरण, सारांश, 描述, 摘要, "
    "简介, 簡介, 导语, 導語, 説明, 概要, 要約, リード, 설명, 요약, mô tả, tóm tắt, "
    "คำอธิบาย, deskripsi, "
    "ringkasan, inhalt, volltext, artikeltext, contenu, texte, corps, contenido, texto, cuerpo, "
    "contenuto, testo, corpo, conteúdo, inhoud, tekst, treść, obsah, innehåll, brödtext, indhold, "
    "brødtekst, innhold, sisältö, teksti, содержание, текст, текст статьи, зміст, içerik, metin, "
    "haber metni, κείμενο, النص, نص, نص الخبر, المحتوى, محتوى, متن, תוכן, सामग्री, 内容, "
    "內容, 正文, 新闻内容, 全文, 本文, 記事本文, 내용, 본문, 기사내용, nội dung, "
    "เนื้อหา, isi, konten",
    "published_at": "veröffentlicht am, veröffentlicht, veröffentlichungsdatum, "
    "erscheinungsdatum, datum, zeitpunkt, date de publication, publié le, publié, "
    "date de parution, fecha de publicación, fecha publicación, publicado, publicado el, fecha, "
    "fecha y hora, data di pubblicazione, pubblicato, pubblicato il, data de publicação, "
    "data publicação, publicado em, data, publicatiedatum, gepubliceerd, gepubliceerd op, "
    "data publikacji, opublikowano, datum vydání, publikováno, publicerad, publiceringsdatum, "
    "dato, udgivet, publiseringsdato, publisert, julkaistu, päivämäärä, pvm, дата публикации, "
    "опубликовано, дата, дата и время, время публикации, дата публікації, опубліковано, "
    "yayın tarihi, yayınlanma tarihi, tarih, ημερομηνία, تاريخ النشر, التاريخ, تاريخ, "
    "تاریخ انتشار, تاریخ, תאריך פרסום, תאריך, प्रकाशन तिथि, दिनांक, तारीख, 发布时间, 發布時間, "
    "发布日期, 發布日期, 发表时间, 發表時間, 发表日期, 出版日期, 日期, 时间, 時間, "
    "公開日時, 公開日, 配信日時, "
    "掲載日, 投稿日, 発行日, 日時, 日付, 게시일, 발행일, 작성일, 등록일, 입력일시, 일자, 날짜, "
    "ngày đăng, ngày xuất bản, ngày, thời gian, วันที่, tanggal terbit, tanggal, tarikh",
    "url": "lien, adresse, verweis, webadresse, enlace, vínculo, dirección, collegamento, "
    "indirizzo, ligação, endereço, koppeling, odnośnik, adres, odkaz, länk, lenke, linkki, "
    "ссылка, адрес, посилання, bağlantı, σύνδεσμος, الرابط, رابط, لینک, پیوند, קישור, लिंक, "
    "链接, 鏈接, 連結, 网址, 網址, 原文链接, 地址, リンク, アドレス, 링크, 주소, 기사주소, "
    "đường dẫn, liên kết, ลิงก์, tautan",
    "venue": "quelle, zeitung, medium, herausgeber, verlag, anbieter, journal, média, éditeur, "
    "fuente, medio, periódico, diario, fonte, testata, giornale, editore, veículo, jornal, bron, "
    "krant, uitgever, źródło, gazeta, wydawca, zdroj, noviny, källa, tidning, kilde, avis, medie, "
    "lähde, lehti, источник, издание, сми, газета, джерело, видання, kaynak, gazete, πηγή, "
    "εφημερίδα, المصدر, مصدر, الصحيفة, منبع, מקור, स्रोत, समाचार पत्र, 来源, 來源, 媒体, "
    "媒體, 新闻来源, 媒体名称, 报纸, 出处, 出典, 新聞, 情報源, 提供元, ソース, 출처, "
    "언론사, 매체, 신문사, "
    "nguồn, báo, แหล่งที่มา, sumber",
}
# Headlines only where the values read like headlines: the words have other uses.
_WEAK_TITLES = "headlines, name, subject, caption"

# Keys that hold an article, or wrap one, and say nothing about their content.
_WRAPPERS = frozenset(
    re.split(
        " ",
        "attributes data fields properties article item entry node document doc news story post "
        "record meta metadata og opengraph hit result object value row thread newsarticle page "
        "elements info details basic articles items",
    )
)
# Keys whose content describes something else than the article.
_FOREIGN = frozenset(
    re.split(
        " ",
        "author authors creator creators byline person people image images thumbnail thumb photo "
        "photos picture video videos audio enclosure enclosures category "
        "categories tag tags section "
        "sections topic topics entity entities location locations event concepts related comments "
        "user owner copyright multimedia ad ads license keywords social shares logo icon avatar "
        "similar translations embedding sentiment rights mediacontent mediathumbnail contributor "
        "contributors editor editors credit categorylabel cluster mentions reactions",
    )
)
_VENUE_PARTS = ("name", "title", "label", "displayname", "text", "fullname", "shortname", "value")
_VENUE_ADDRESSES = ("domain", "hostname", "host", "id", "uri", "slug", "key")
_TEXT_PARTS = (
    "main", "rendered", "text", "value", "default", "plain", "content", "full", "original",
    "t", "", "en", "name", "html", "long", "short", "cdata", "printheadline",
)  # fmt: skip
_DATE_PARTS = ("date", "iso", "datetime", "utc", "value", "timestamp", "numberlong", "text", "t")
_URL_PARTS = (
    "href",
    "url",
    "id",
    "value",
    "text",
    "t",
    "canonical",
    "web",
    "alternate",
    "link",
    "permalink",
)
_PARTS = {
    "title": _TEXT_PARTS,
    "description": _TEXT_PARTS,
    "published_at": _DATE_PARTS,
    "url": _URL_PARTS,
    "venue": (*_VENUE_PARTS, *_VENUE_ADDRESSES),
}
_PREFIXES = re.compile(
    r"^(?:article|news|item|post|story|entry|document|doc|web|rss|og|twitter|dc|dcterms|page|"
    r"articles|newsarticle|raw|clean|cleaned|original|the)(?=.)"
)
_LANGUAGE = re.compile(
    r"[_\-.@: ](?:en|eng|english|de|deu|fr|fra|es|spa|it|ita|pt|por|nl|pl|ru|rus|uk|tr|ar|zh|ja|"
    r"ko|hi|orig|original|clean|cleaned|raw)$",
    re.IGNORECASE,
)
_WEAK = {"title": _WEAK_TITLES, "url": _WEAK_URLS, "published_at": _LATER_DATES}
LATER = 10_000  # added to the rank of names that count only where there is no other


@lru_cache(maxsize=65_536)
def plain_name(name: object) -> str:
    """Return a column's name without case, accents, spaces and punctuation.

    >>> plain_name("Publié_le"), plain_name("pub-Date")
    ('publiele', 'pubdate')
    """
    decomposed = unicodedata.normalize("NFKD", str(name)).casefold()
    return "".join(c for c in decomposed if c.isalnum())


def _table() -> dict[str, tuple[str, int]]:
    """Return the field and the rank of every known name."""
    table: dict[str, tuple[str, int]] = {}
    for offset, names in ((0, _ENGLISH), (1000, _TRANSLATED)):
        for field, listed in names.items():
            for rank, name in enumerate(listed.split(",")):
                table.setdefault(plain_name(name), (field, offset + rank))
    for field, weak in _WEAK.items():
        for rank, name in enumerate(weak.split(",")):
            table[plain_name(name)] = (field, LATER + rank)
    return table


_FIELD_BY_NAME = _table()


@lru_cache(maxsize=65_536)
def field_of(path: tuple[str, ...]) -> tuple[str, int] | None:
    """Return the field that a column or a nested path names, and its rank (lower is better).

    >>> field_of(("headline", "main"))[0], field_of(("source", "title"))[0]
    ('title', 'venue')
    >>> field_of(("author", "name"))
    """
    *parents, leaf = path
    # Elasticsearch wraps articles in "_source", which is no outlet.
    owners = [plain_name(parent) for parent in parents if parent != "_source"]
    owners = [owner for owner in owners if owner not in _WRAPPERS]
    if any(owner in _FOREIGN for owner in owners):
        return None
    name = _LANGUAGE.sub("", str(leaf))
    if not owners:
        return _by_name(plain_name(leaf)) or _by_name(plain_name(name))
    return _in_parent(owners[-1], plain_name(name), len(owners))


def _by_name(name: str) -> tuple[str, int] | None:
    """Return the field of a name, with or without a prefix such as "article"."""
    if name in _FIELD_BY_NAME:
        return _FIELD_BY_NAME[name]
    field, rank = _FIELD_BY_NAME.get(_PREFIXES.sub("", name), ("", LATER))
    return (field, rank + 100) if rank < LATER else None


def _in_parent(parent: str, leaf: str, depth: int) -> tuple[str, int] | None:
    """Return the field of a key in an object that itself has a meaningful name."""
    owner, joined = _by_name(parent), _FIELD_BY_NAME.get(parent + leaf)
    if joined and (owner is None or owner[0] == joined[0]):
        return joined
    if owner:
        field, rank = owner
        if leaf in _PARTS[field]:
            return field, rank + _PARTS[field].index(leaf) + 1
        if field != "description":  # {"content": {"title": …}} wraps an article
            return None
    direct = _by_name(leaf)
    return (direct[0], direct[1] + 2000 * depth) if direct and direct[1] < LATER else None
