"""Invocations: admission, execution environments, dispatch, the log and the record of each."""
