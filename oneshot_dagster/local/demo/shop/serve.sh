#!/usr/bin/env bash
# Serves this folder on 127.0.0.1:$PORT as revision $REVISION.
cd "$(dirname "$0")"
exec python3 -E -S -B -m shop.server
