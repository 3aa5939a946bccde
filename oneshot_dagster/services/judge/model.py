"""A model behind any service that speaks the Responses API, asked through the openai SDK: one streamed request with a strict
schema, no tools, nothing stored there, no retries. How the service fails is model_failures.py."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from oneshot_dagster.services.judge.model_failures import ended_badly, refused_by
from oneshot_dagster.services.judge.protocol import Opinion, Question
from oneshot_dagster.services.judge.stoppable import run_unless

if TYPE_CHECKING:
    from openai.types.responses import Response, ResponseStreamEvent, ResponseTextConfigParam, ResponseUsage

_CONNECT = 10.0  # seconds
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, kw_only=True)
class ModelJudge:
    """`key` is asked for with each question. `wall` bounds an answer, `stall` its longest silence; both in seconds."""

    model: str
    base_url: str
    key: Callable[[], str]
    wall: float
    stall: float
    browses: bool = False
    not_enforced: tuple[str, ...] = ()

    def ask(self, question: Question, *, cancelled: Callable[[], bool]) -> Opinion | None:
        from openai import APIConnectionError, APIError, APITimeoutError

        began, heard = time.monotonic(), _Heard()
        try:
            over = run_unless(cancelled, self._listen(question, heard))
        except TimeoutError:
            over = f"it did not end within {self.wall:g} s"
        except APITimeoutError:
            over = f"it said nothing for {self.stall:g} s"
        except (APIError, ValueError) as error:
            if not heard.anything and isinstance(error, APIError):
                raise refused_by(error) from None
            lost = "the connection broke" if isinstance(error, APIConnectionError) else "the stream cannot be read"
            over = f"its answer was cut off: {lost}"
        if over is None or cancelled():
            return None
        return heard.opinion(self.model, problem=over, seconds=time.monotonic() - began)

    async def _listen(self, question: Question, heard: "_Heard") -> str:
        """Why it stopped listening before the answer ended; "" where it heard the end. TimeoutError at the wall."""
        from openai import AsyncOpenAI, Timeout

        wanted = {"type": "json_schema", "name": "opinion", "strict": True, "schema": question.schema}
        text = cast("ResponseTextConfigParam", {"format": wanted})
        async with (
            asyncio.timeout(self.wall),
            AsyncOpenAI(
                api_key=self.key() or "none",
                base_url=self.base_url,
                max_retries=0,
                timeout=Timeout(self.stall, connect=min(_CONNECT, self.stall)),
            ) as client,
            await client.responses.create(
                model=self.model, input=question.prompt, text=text, stream=True, store=False
            ) as events,
        ):
            async for event in events:
                heard.take(event)
        return "" if heard.end is not None else "its answer was cut off: the stream ended early"


@dataclass(kw_only=True)
class _Heard:
    """What came of an answer so far."""

    anything: bool = False
    end: "Response | None" = None
    pieces: list[str] = field(default_factory=list[str])

    def take(self, event: "ResponseStreamEvent") -> None:
        self.anything = True
        kind = getattr(event, "type", None)
        if kind == "response.output_text.delta":
            self.pieces.append(str(getattr(event, "delta", "")))
        elif kind in _ENDS:
            self.end = cast("Response | None", getattr(event, "response", None))

    def opinion(self, model: str, *, problem: str, seconds: float) -> Opinion:
        end = self.end
        if end is None:
            return Opinion(model=model, raw="".join(self.pieces), seconds=seconds, problem=problem)
        text, refusal = _said(end)
        usage = end.usage
        return Opinion(
            model=model,
            raw=text or refusal or "".join(self.pieces),
            seconds=seconds,
            problem=problem or ended_badly(end) or _why_no_text(text, refusal),
            input_tokens=usage.input_tokens if usage else None,
            cached_tokens=_cached(usage),
            output_tokens=usage.output_tokens if usage else None,
        )


def _said(response: "Response") -> tuple[str, str]:
    """Its text and its refusal."""
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    text = "".join(part.text for part in parts if part.type == "output_text")
    return text, "".join(part.refusal for part in parts if part.type == "refusal")


def _cached(usage: "ResponseUsage | None") -> int | None:
    """Not every service that speaks the Responses API says so."""
    found = getattr(getattr(usage, "input_tokens_details", None), "cached_tokens", None)
    return found if isinstance(found, int) else None


def _why_no_text(text: str, refusal: str) -> str:
    if refusal:
        return f"it refused: {refusal[:300]}"
    return "" if text else "it answered without a text"
