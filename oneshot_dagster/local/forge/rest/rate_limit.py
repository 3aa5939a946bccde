"""How much of the limits is left, as GitHub says it; asking costs nothing."""

from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint
from oneshot_dagster.local.forge.limits import Window
from oneshot_dagster.local.forge.shapes.people import Json


def rate_limit(call: Call) -> Answer:
    windows = call.forge.limits.windows(call.user.login)
    return Answer(body={"resources": {resource: _shape(window) for resource, window in windows.items()}})


def _shape(window: Window) -> Json:
    return {"limit": window.limit, "used": window.used, "remaining": window.remaining, "reset": window.reset}


ENDPOINTS = (Endpoint(method="GET", pattern="/rate_limit", handler=rate_limit, needs=""),)
