"""A store on a real database for what the web keeps."""

from store_fixtures import make_store, store, store_template, store_url  # noqa: F401
