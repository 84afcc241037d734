"""The client: episodes, outcomes, evaluators, and one logical stream over as many connections as it takes."""
