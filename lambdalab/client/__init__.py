"""The region's Python side: find or start a region, deploy functions, call them. Everything goes over HTTP."""
