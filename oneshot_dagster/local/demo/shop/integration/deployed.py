"""Asks the deployed shop at $SHOP_URL."""

import json
import os
import urllib.request

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def price(sku, qty):
    with _opener.open(f"{os.environ['SHOP_URL']}/price?sku={sku}&qty={qty}", timeout=5) as answer:
        return json.load(answer)
