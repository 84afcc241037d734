"""Generated messages and stubs of the wire's package assay.v1 (see ../../../generate_stubs.py)."""
