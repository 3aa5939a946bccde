"""The forge's parts, held together; what they mean to each other is in pushes, landing and the routes."""

import threading
from dataclasses import dataclass, field

from oneshot_dagster.local.forge.ci import Ci
from oneshot_dagster.local.forge.config import ForgeConfig
from oneshot_dagster.local.forge.downloads import Downloads
from oneshot_dagster.local.forge.faults import Faults
from oneshot_dagster.local.forge.limits import Limits
from oneshot_dagster.local.forge.log import RequestLog
from oneshot_dagster.local.forge.post import Post
from oneshot_dagster.local.forge.repos import Repos
from oneshot_dagster.local.forge.shapes.people import Urls
from oneshot_dagster.local.forge.world import World


@dataclass(frozen=True, kw_only=True)
class Forge:
    """`writing` is held by whoever changes git and the world together, one at a time; `busy` is set while background works."""

    config: ForgeConfig
    world: World
    repos: Repos
    ci: Ci
    log: RequestLog = field(default_factory=RequestLog)
    faults: Faults = field(default_factory=Faults)
    limits: Limits = field(default_factory=Limits)
    downloads: Downloads = field(default_factory=Downloads)
    post: Post = field(default_factory=Post)
    writing: threading.RLock = field(default_factory=threading.RLock)
    busy: threading.Event = field(default_factory=threading.Event)

    @property
    def urls(self) -> Urls:
        return Urls(site=self.config.url)
