"""By what a server's certificate is verified. Made once a process: reading the authorities costs 20 ms, more than most requests."""

import ssl
from functools import cache

import httpx


def trust_for(url: str) -> ssl.SSLContext:
    """The authorities of httpx, or those that SSL_CERT_FILE or SSL_CERT_DIR name. Of an address without TLS none are read."""
    return _nobody() if httpx.URL(url).scheme == "http" else _authorities()


@cache
def _authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@cache
def _nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
