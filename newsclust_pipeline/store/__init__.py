"""Vectors ↔ Milvus: Milvus Lite or a server."""
