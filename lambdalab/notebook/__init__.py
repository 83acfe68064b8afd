"""The notebook: magics, their options and completion, and the displays of results."""
