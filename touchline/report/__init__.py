"""The report of the demo: its queries, its findings, its page."""

from touchline.report.page import print_report
from touchline.report.queries import read_findings

__all__ = ["print_report", "read_findings"]
