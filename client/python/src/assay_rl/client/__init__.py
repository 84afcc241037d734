"""The client: episodes, outcomes, evaluators, and one logical stream over as many connections as it takes."""

import assay_rl.client.process  # noqa: F401 - before gRPC is imported
