"""The daily digest of arXiv announcements: announcements in, scores beside them, a digest out.

The modules of this package are pure: they import no AWS client, no HTTP client and no language
model. Everything that talks to the outside lives in :mod:`arxiv_digest.adapters`, and
:mod:`arxiv_digest.steps` holds the three steps of a run, which are handed their adapters.
"""
