"""LambdaLab: learn, teach and prototype AWS Lambda in a notebook, on your own machine."""

__version__ = "0.1.0"
