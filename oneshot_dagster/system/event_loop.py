"""The event loop of a piece of our work that has an end: its close waits for nobody who looks up a name."""

import asyncio


class EventLoop(asyncio.SelectorEventLoop):
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Its threads look names up, which cannot be stopped: each ends with its look-up."""
