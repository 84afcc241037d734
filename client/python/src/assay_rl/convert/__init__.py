"""Episodes from what other tools write: chats, framework logs, rollouts, sessions, published logs, traces.

`convert.files.read_episodes` reads files of any format (FORMATS.md has the table); `from_trace` takes decoded JSON of
any of them. The functions by name take the framework's own objects as well, where these have a `model_dump`.
People, environments and frameworks are context: they take neither reward nor blame. Nothing is invented, and nothing
that an agent wrote is left out without being counted. Raises ConversionError with the path of the field that does not
fit, and where no agent said anything.
"""

from typing import TYPE_CHECKING

from assay_rl._lazy import names_of

if TYPE_CHECKING:
    from assay_rl.convert._fields import ConversionError
    from assay_rl.convert.autogen import from_autogen
    from assay_rl.convert.langgraph import from_langgraph
    from assay_rl.convert.openai_chat import from_openai_chat
    from assay_rl.convert.otel_spans import from_otel_spans
    from assay_rl.convert.records import from_record, from_whowhen
    from assay_rl.convert.run import Choices
    from assay_rl.convert.value import from_trace

__all__ = [
    "Choices",
    "ConversionError",
    "from_autogen",
    "from_langgraph",
    "from_openai_chat",
    "from_otel_spans",
    "from_record",
    "from_trace",
    "from_whowhen",
]

__getattr__, __dir__ = names_of(
    __name__,
    {
        "_fields": ("ConversionError",),
        "autogen": ("from_autogen",),
        "langgraph": ("from_langgraph",),
        "openai_chat": ("from_openai_chat",),
        "otel_spans": ("from_otel_spans",),
        "records": ("from_record", "from_whowhen"),
        "run": ("Choices",),
        "value": ("from_trace",),
    },
)
