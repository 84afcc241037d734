"""Generated protobuf messages and gRPC stubs of package assay.v1 (see ../../../generate_stubs.py)."""
