"""From views to nodes: what stands where on each page. Pure, without Streamlit."""
