"""Adapters for trainers, by their existing hooks. Each module needs its own trainer installed and nothing else does."""
