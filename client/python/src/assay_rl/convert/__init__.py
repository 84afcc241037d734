"""Episodes from what other tools write: chat messages, framework logs, published logs, traces.

Every converter takes plain decoded JSON (or the framework's own objects, where they can be read by attribute or
`model_dump`), keeps every message in its order, and invents nothing: what has no author among the agents becomes
context. Raises ConversionError with the path of the field that does not fit.
"""

from assay_rl.convert._fields import ConversionError
from assay_rl.convert.autogen import from_autogen
from assay_rl.convert.langgraph import from_langgraph
from assay_rl.convert.openai_chat import from_openai_chat
from assay_rl.convert.otel import from_otel_spans
from assay_rl.convert.records import from_record, from_whowhen

__all__ = [
    "ConversionError",
    "from_autogen",
    "from_langgraph",
    "from_openai_chat",
    "from_otel_spans",
    "from_record",
    "from_whowhen",
]
