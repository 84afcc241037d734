"""Generated messages and stubs of the wire's package assay.v1 (see ../../../generate_stubs.py)."""

from assay_rl.v1 import _runtime

_runtime.check_protobuf()
