"""The three steps of a run, in the order of the flow; each is handed its adapters."""
