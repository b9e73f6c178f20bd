"""The documents and their vectors in Milvus: Milvus Lite or a server."""
