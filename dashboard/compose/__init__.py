"""Whole pages from a store: what is read for each, and in which order it stands. No Streamlit."""
