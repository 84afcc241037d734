"""Client of the Assay service: training signals from multi-agent episodes."""

__version__ = "0.1.0"
