"""The shop over HTTP: /price?sku=mug&qty=3, /prices, /healthz. Every answer names the revision that gave it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shop import catalogue, discounts, pricing

REVISION = os.environ.get("REVISION", "unknown")


def answer(target: str):
    """The status and the body for one GET."""
    url = urlsplit(target)
    asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if url.path in {"/", "/prices"}:
        return 200, {"prices": catalogue.PRICES, "discounts": discounts.promises(), "try": "/price?sku=mug&qty=3"}
    if url.path == "/healthz":
        return 200, {"ok": True, "revision": REVISION}
    if url.path == "/price":
        try:
            return 200, pricing.quote(asked.get("sku", ""), int(asked.get("qty", "1")))
        except ValueError as problem:
            return 400, {"error": str(problem)}
    return 404, {"error": "no such page"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, body = answer(self.path)
        content = json.dumps(body, indent=2).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Revision", REVISION)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def main():
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
