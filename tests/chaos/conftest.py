"""Without PostgreSQL its trial is left out; the suite says that it is missing."""

from tests import chromium, postgres

collect_ignore = [] if postgres.find_programs() or chromium.is_ci() else ["test_cluster_in_chaos.py"]
