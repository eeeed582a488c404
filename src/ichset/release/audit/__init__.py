"""An independent look at a finished release: own reading code, nothing shared with what wrote it."""

from ichset.release.audit.report import AuditReport, Check
from ichset.release.audit.run import audit_release

__all__ = ["AuditReport", "Check", "audit_release"]
