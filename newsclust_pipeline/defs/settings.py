"""The names of the settings, for messages of the packages that don't know them."""

import re

# Parameter, as a message refers to it in backquotes → environment variable.
SETTINGS = {
    "data_dir": "NEWSCLUST_DATA_DIR",
    "news.path": "NEWSCLUST_NEWS",
    "embedder.name": "NEWSCLUST_EMBEDDER",
    "embedder.model": "NEWSCLUST_EMBEDDER_MODEL",
    "embedder.device": "NEWSCLUST_EMBEDDER_DEVICE",
    "embedder.dtype": "NEWSCLUST_EMBEDDER_DTYPE",
    "embedder.prompt": "NEWSCLUST_EMBEDDER_PROMPT",
    "embedder.batch_size": "NEWSCLUST_EMBEDDER_BATCH_SIZE",
    "embedder.concurrency": "NEWSCLUST_EMBEDDER_CONCURRENCY",
    "embedder.base_url": "OPENAI_BASE_URL",
    "embedder.api_key": "OPENAI_API_KEY",
    "titles.model": "NEWSCLUST_TITLES_MODEL",
    "titles.base_url": "NEWSCLUST_TITLES_BASE_URL",
    "titles.api_key": "NEWSCLUST_TITLES_API_KEY",
    "milvus.uri": "MILVUS_URI",
    "milvus.token": "MILVUS_TOKEN",
    "milvus.collection": "MILVUS_COLLECTION",
    "milvus.index": "MILVUS_INDEX",
    "milvus.index_params": "MILVUS_INDEX_PARAMS",
    "milvus.search": "NEWSCLUST_SEARCH",
}


def name_settings(message: str) -> str:
    """Return a message with its references to parameters replaced by the names of settings.

    >>> name_settings("Set `embedder.model` to a folder.")
    'Set NEWSCLUST_EMBEDDER_MODEL to a folder.'
    """
    return re.sub(r"`([a-z_.]+)`", lambda found: SETTINGS.get(found[1], found[0]), message)
