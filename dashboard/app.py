"""The dashboard's entry: pages at the top, one file each. Start it with `orchestrate dashboard`."""

from __future__ import annotations

import streamlit as st

from dashboard import live

st.set_page_config(page_title="orchestrate", page_icon=str(live.ASSETS / "favicon.png"), layout="wide")
st.html(live.ASSETS / "page.css")
_ROUTES = live.HERE / "routes"  # Not `pages`: Streamlit would run a file of that folder without this one.
st.navigation(
    [
        st.Page(_ROUTES / "now.py", title="Now", icon=":material/bolt:", default=True),
        st.Page(_ROUTES / "runs.py", title="Runs", icon=":material/history:"),
        st.Page(_ROUTES / "postings.py", title="Postings", icon=":material/work:"),
        st.Page(_ROUTES / "snapshots.py", title="Snapshots", icon=":material/layers:"),
        st.Page(_ROUTES / "run.py", title="Run", icon=":material/timeline:", visibility="hidden"),
    ],
    position="top",
).run()
live.settle()
