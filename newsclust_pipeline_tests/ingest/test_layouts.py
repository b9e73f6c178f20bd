"""Layouts that exports, APIs and archives bring: each article has its five fields.

Every input holds one article, in the layout of the product that names it.
"""

import csv
import io
import json

import pytest

from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline_tests.dumps import read

TITLE = "Lighthouse keeper retires after forty years"
LEAD = "The lamp of Skällö has been automatic since spring."
BODY = "On his last evening he climbed the stairs once more and wrote the weather in the book. " * 3
URL = "https://post.example/2024/06/03/lighthouse"
TIME = "2024-06-03T12:00:00Z"
NOON, DAY = "2024-06-03 12:00", "2024-06-03 00:00"
POST, HOST = "Harbour Post", "post.example"


def table(**cells):
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(cells))
    writer.writeheader()
    writer.writerow(cells)
    return sink.getvalue()


def document(value):
    return json.dumps(value, ensure_ascii=False)


# Name of the file: content, then description, time, address and outlet of the article.
LAYOUTS = {
    "newsapi.json": (
        document({"status": "ok", "articles": [{
            "source": {"id": None, "name": POST}, "author": "Q", "title": TITLE,
            "description": LEAD, "url": URL, "urlToImage": "https://post.example/a.jpg",
            "publishedAt": TIME, "content": BODY}]}),
        LEAD, NOON, URL, POST,
    ),
    "newsapi_by_pandas.csv": (
        table(source=str({"id": None, "name": POST}), title=TITLE, description=LEAD, url=URL,
              publishedAt=TIME, content=BODY),
        LEAD, NOON, URL, POST,
    ),
    "gdelt_doc.csv": (
        table(**{"": 0}, url=URL, url_mobile="https://m.post.example/1", title=TITLE,
              seendate="20240603T120000Z", socialimage="", domain=HOST, language="English"),
        None, NOON, URL, HOST,
    ),
    "gdelt_gal.jsonl": (
        document({"date": TIME, "url": URL, "domain": HOST, "outletName": POST, "title": TITLE,
                  "desc": LEAD, "image": "", "lang": "en"}),
        LEAD, NOON, URL, POST,
    ),
    "news_please.jsonl": (
        document({"authors": [], "date_download": "2024-07-01 10:00:00", "date_modify": None,
                  "date_publish": "2024-06-03 12:00:00", "description": None, "language": "en",
                  "maintext": BODY, "source_domain": HOST, "title": TITLE, "url": URL}),
        BODY, NOON, URL, HOST,
    ),
    "title_text_subject_date.csv": (
        table(title=TITLE, text=BODY, subject="worldnews", date="June 3, 2024 "),
        BODY, DAY, None, None,
    ),
    "event_registry.jsonl": (
        document({"uri": "p-1", "date": "2024-06-03", "time": "12:00:00", "dateTime": TIME,
                  "url": URL, "title": TITLE, "body": BODY, "sentiment": 0.1,
                  "source": {"uri": HOST, "dataType": "news", "title": POST}}),
        BODY, NOON, URL, POST,
    ),
    "trafilatura.jsonl": (
        document({"title": TITLE, "hostname": HOST, "date": "2024-06-03", "raw_text": BODY,
                  "text": BODY, "source": URL, "source-hostname": POST, "excerpt": ""}),
        BODY, DAY, URL, POST,
    ),
    "nyt_search.json": (
        document({"status": "OK", "response": {"docs": [{
            "web_url": URL, "snippet": LEAD, "lead_paragraph": BODY, "abstract": LEAD,
            "source": POST, "headline": {"main": TITLE, "kicker": None},
            "pub_date": "2024-06-03T12:00:00+0000", "multimedia": [{"url": "a.jpg"}]}]}}),
        LEAD, NOON, URL, POST,
    ),
    "mongoexport.jsonl": (
        document({"_id": {"$oid": "65e0"}, "title": TITLE, "description": LEAD, "url": URL,
                  "published_at": {"$date": TIME}, "source": {"id": "x", "name": POST}}),
        LEAD, NOON, URL, POST,
    ),
    "mongoexport_canonical.jsonl": (
        document({"title": TITLE, "published_at": {"$date": {"$numberLong": "1717416000000"}}}),
        None, NOON, None, None,
    ),
    "schema_org.jsonl": (
        document({"@type": "NewsArticle", "headline": TITLE, "datePublished": TIME,
                  "mainEntityOfPage": {"@type": "WebPage", "@id": URL}, "articleBody": BODY,
                  "publisher": {"@type": "Organization", "name": POST}}),
        BODY, NOON, URL, POST,
    ),
    "schema_org_graph.json": (
        document({"@graph": [{"@type": "Organization", "name": POST}, {
            "@type": "NewsArticle", "headline": TITLE, "datePublished": TIME, "url": URL,
            "publisher": {"name": POST}}]}),
        None, NOON, URL, POST,
    ),
    "proquest.csv": (
        table(Title=TITLE, Abstract=LEAD, StoreId="1", pubdate="Jun 03, 2024", pubtitle=POST,
              DocumentURL=URL, startPage="A1"),
        LEAD, DAY, URL, POST,
    ),
    "huffpost_v3.json": (
        document({"link": URL, "headline": TITLE, "category": "WORLD", "short_description": LEAD,
                  "authors": "Q", "date": "2024-06-03"}),
        LEAD, DAY, URL, None,
    ),
    "mind.tsv": (
        f"N55\tnews\tworld\t{TITLE}\t{LEAD}\t{URL}\t[]\t[]\n",
        LEAD, None, URL, None,
    ),
    "uci.csv": (
        f"1\t{TITLE}\t{URL}\t{POST}\tb\tddUyU0\t{HOST}\t1717416000000\n",
        None, NOON, URL, POST,
    ),
    "ag_news.csv": (f'3,"{TITLE}","{LEAD}"\n', LEAD, None, None, None),
    "excel.csv": (
        f"sep=;\nTitle;Summary;Date;Link;Source\n{TITLE};{LEAD};03.06.2024 12:00;{URL};{POST}\n",
        LEAD, NOON, URL, POST,
    ),
    "elastic.jsonl": (
        document({"_index": "news", "_id": "0", "_source": {"title": TITLE, "@timestamp": TIME}}),
        None, NOON, None, None,
    ),
    "elastic_response.json": (
        document({"took": 1, "hits": {"total": {"value": 1}, "hits": [{
            "_id": "1", "_source": {"title": TITLE, "url": URL, "source": {"name": POST}}}]}}),
        None, None, URL, POST,
    ),
    "solr.json": (
        document({"response": {"docs": [{"title": [TITLE], "content": [BODY], "published": [TIME],
                                         "url": [URL], "source": [POST]}]}}),
        BODY, NOON, URL, POST,
    ),
    "guardian.json": (
        document({"response": {"results": [{
            "id": "world/1", "webPublicationDate": TIME, "webTitle": TITLE, "webUrl": URL,
            "apiUrl": "https://api.example/1", "fields": {"trailText": LEAD, "bodyText": BODY,
                                                           "publication": POST}}]}}),
        LEAD, NOON, URL, POST,
    ),
    "bing.json": (
        document({"_type": "News", "value": [{
            "name": TITLE, "url": URL, "description": LEAD, "datePublished": TIME,
            "image": {"thumbnail": {"contentUrl": "https://post.example/t"}},
            "provider": [{"_type": "Organization", "name": POST}]}]}),
        LEAD, NOON, URL, POST,
    ),
    "mediastack.json": (
        document({"pagination": {"total": 1}, "data": [{
            "title": TITLE, "description": LEAD, "url": URL, "source": POST, "image": None,
            "published_at": "2024-06-03T12:00:00+00:00"}]}),
        LEAD, NOON, URL, POST,
    ),
    "gnews.json": (
        document({"articles": [{
            "title": TITLE, "description": LEAD, "content": BODY, "url": URL, "publishedAt": TIME,
            "image": "https://post.example/a.jpg",
            "source": {"name": POST, "url": "https://post.example"}}]}),
        LEAD, NOON, URL, POST,
    ),
    "currents.json": (
        document({"status": "ok", "news": [{
            "id": "e1", "title": TITLE, "description": LEAD, "url": URL, "author": "Q",
            "published": "2024-06-03 12:00:00 +0000"}]}),
        LEAD, NOON, URL, None,
    ),
    "newsdata.json": (
        document({"results": [{
            "article_id": "x", "title": TITLE, "link": URL, "creator": ["Q"], "description": LEAD,
            "pubDate": "2024-06-03 12:00:00", "pubDateTZ": "UTC", "source_id": "post",
            "source_name": POST, "source_url": "https://post.example"}]}),
        LEAD, NOON, URL, POST,
    ),
    "webz.json": (
        document({"posts": [{
            "thread": {"url": URL, "site_full": f"www.{HOST}", "site": HOST, "title": TITLE,
                       "published": "2024-06-03T14:00:00.000+02:00"},
            "url": URL, "title": TITLE, "text": BODY,
            "published": "2024-06-03T14:00:00.000+02:00", "crawled": "2024-06-04T00:00:00Z"}]}),
        BODY, NOON, URL, HOST,
    ),
    "feedly.json": (
        document({"id": "feed/x", "title": "My stream", "items": [{
            "id": "a", "title": TITLE, "published": 1717416000000, "crawled": 1717500000000,
            "origin": {"title": POST, "htmlUrl": "https://post.example"},
            "alternate": [{"href": URL}], "summary": {"content": LEAD, "direction": "ltr"}}]}),
        LEAD, NOON, URL, POST,
    ),
    "miniflux.json": (
        document({"total": 1, "entries": [{
            "id": 1, "title": TITLE, "url": URL, "content": BODY, "published_at": TIME,
            "created_at": "2024-06-04T00:00:00Z",
            "feed": {"title": POST, "site_url": "https://post.example",
                     "category": {"title": "All"}}}]}),
        BODY, NOON, URL, POST,
    ),
    "json_feed.json": (
        document({"version": "https://jsonfeed.org/version/1.1", "title": POST, "items": [{
            "id": URL, "title": TITLE, "url": URL, "content_text": BODY, "date_published": TIME}]}),
        BODY, NOON, URL, POST,
    ),
    "rss_as_json.json": (
        document({"rss": {"channel": {"title": POST, "link": "https://post.example", "item": [{
            "title": TITLE, "link": URL, "pubDate": "Mon, 03 Jun 2024 12:00:00 GMT"}]}}}),
        None, NOON, URL, POST,
    ),
    "aylien.json": (
        document({"stories": [{
            "id": 1, "title": TITLE, "body": BODY, "links": {"permalink": URL},
            "source": {"name": POST, "domain": HOST, "home_page_url": "https://post.example"},
            "published_at": TIME}]}),
        BODY, NOON, URL, POST,
    ),
    "alpha_vantage.json": (
        document({"feed": [{
            "title": TITLE, "url": URL, "time_published": "20240603T120000", "summary": LEAD,
            "banner_image": "https://post.example/a.jpg", "source": POST,
            "source_domain": HOST}]}),
        LEAD, NOON, URL, POST,
    ),
    "wordpress.json": (
        document([{
            "id": 1, "date": "2024-06-03T14:00:00", "date_gmt": "2024-06-03T12:00:00",
            "modified": "2024-06-05T00:00:00", "link": URL, "title": {"rendered": TITLE},
            "excerpt": {"rendered": LEAD}, "content": {"rendered": BODY, "protected": False}}]),
        LEAD, NOON, URL, None,
    ),
    "strapi.json": (
        document({"data": [{"id": 1, "attributes": {"title": TITLE, "content": BODY,
                                                    "publishedAt": TIME}}]}),
        BODY, NOON, None, None,
    ),
    "geojson.json": (
        document({"type": "FeatureCollection", "features": [{
            "geometry": {"coordinates": [1, 2]},
            "properties": {"title": TITLE, "url": URL, "date": TIME, "source": POST}}]}),
        None, NOON, URL, POST,
    ),
    "warc.jsonl": (
        document({"WARC-Target-URI": URL, "WARC-Date": TIME, "headline": TITLE, "payload": BODY}),
        BODY, NOON, URL, None,
    ),
    "date_and_time.csv": (
        table(headline=TITLE, date="2024-06-03", time="12:00", outlet=POST),
        None, NOON, None, POST,
    ),
    "german.csv": (
        table(**{"Überschrift": TITLE, "Anriss": LEAD, "Veröffentlicht am": "03.06.2024 12:00",
                 "Quelle": POST, "Verweis": URL}),
        LEAD, NOON, URL, POST,
    ),
    "french.csv": (
        table(**{"Titre": TITLE, "Chapô": LEAD, "Date de publication": "3 juin 2024 à 12h00",
                 "Média": POST, "Lien": URL}),
        LEAD, NOON, URL, POST,
    ),
    "spanish.csv": (
        table(Título=TITLE, Entradilla=LEAD, Fecha="3 de junio de 2024", Medio=POST, Enlace=URL),
        LEAD, DAY, URL, POST,
    ),
    "russian.csv": (
        table(**{"Заголовок": TITLE, "Текст": BODY, "Дата публикации": "3 июня 2024, 12:00",
                 "Источник": POST, "Ссылка": URL}),
        BODY, NOON, URL, POST,
    ),
    "chinese.csv": (
        table(标题=TITLE, 正文=BODY, 发布时间="2024年6月3日 12:00", 来源=POST, 链接=URL),
        BODY, NOON, URL, POST,
    ),
    "arabic.csv": (
        table(**{"العنوان": TITLE, "النص": BODY, "تاريخ النشر": "3 يونيو 2024", "المصدر": POST,
                 "الرابط": URL}),
        BODY, DAY, URL, POST,
    ),
    "korean.csv": (
        table(제목=TITLE, 본문=BODY, 작성일="2024.06.03 12:00", 언론사=POST, 링크=URL),
        BODY, NOON, URL, POST,
    ),
    "turkish.csv": (
        table(Başlık=TITLE, İçerik=BODY, Tarih="3 Haziran 2024", Kaynak=POST, Bağlantı=URL),
        BODY, DAY, URL, POST,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_fields_of_a_layout_are_found(tmp_path, name):
    content, description, time, url, venue = LAYOUTS[name]
    (tmp_path / name).write_text(content)
    articles = collect_articles(find_dumps(tmp_path / name).rows()).table.to_pylist()
    (article,) = (found for found in articles if found["title"] == TITLE)
    assert article["description"] == (description and description.strip())
    assert (article["published_at"] and f"{article['published_at']:%Y-%m-%d %H:%M}") == time
    assert (article["url"], article["venue"]) == (url, venue)


def test_a_companion_table_in_an_archive_is_skipped_with_a_warning(tmp_path):
    from newsclust_pipeline_tests.dumps import zipped

    sources = table(id="1", name=POST, country="se")
    members = [("articles.csv", table(title=TITLE, source=POST)), ("sources.csv", sources)]
    rows, warnings = read(tmp_path / "archive.zip", zipped(members))
    assert [row.fields.title for row in rows] == [TITLE]
    assert warnings == ["archive.zip/sources.csv: skipped, no column holds titles"]
