"""Days under faults on the deployed stack, and the account of each."""
