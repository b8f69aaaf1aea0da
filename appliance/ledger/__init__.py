"""The evidence: an append-only, hash-chained record of what was decided and what happened."""

from appliance.ledger import checkpoint
from appliance.ledger.anchors import Anchor
from appliance.ledger.checkpoint import Checkpoint
from appliance.ledger.format import GENESIS, LedgerCorrupt, RecordRefused
from appliance.ledger.reader import read_entries
from appliance.ledger.verify import Fault, Verification, verify
from appliance.ledger.writer import Ledger, Recovery
from appliance.storage.files import StorageFailed

__all__ = [
    "GENESIS",
    "Anchor",
    "Checkpoint",
    "Fault",
    "Ledger",
    "LedgerCorrupt",
    "RecordRefused",
    "Recovery",
    "StorageFailed",
    "Verification",
    "checkpoint",
    "read_entries",
    "verify",
]
