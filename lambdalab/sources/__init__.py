"""The rest of AWS: a child process that serves S3, KMS, EC2 and many more, and the way to it."""
