"""AWS's wire: signatures, requests parsed and answered from botocore's models, one module a family of operations."""
