terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "package" { type = string }
variable "canary" {
  type    = map(number)
  default = {}
}
provider "aws" {
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}
resource "aws_lambda_layer_version" "common" {
  layer_name          = "common"
  filename            = "layer.zip"
  compatible_runtimes = ["python3.12"]
}
resource "aws_lambda_function" "hello" {
  function_name = "tf-hello"
  role          = "arn:aws:iam::123456789012:role/lambda-role"
  runtime       = "python3.12"
  handler       = "app.handler"
  filename      = var.package
  source_code_hash = filebase64sha256(var.package)
  memory_size   = 256
  timeout       = 10
  publish       = true
  layers        = [aws_lambda_layer_version.common.arn]
  environment {
    variables = { STAGE = "dev" }
  }
  tags = { course = "lambda" }
  reserved_concurrent_executions = 5
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.hello.function_name
  function_version = aws_lambda_function.hello.version
  dynamic "routing_config" {
    for_each = var.canary
    content {
      additional_version_weights = { (routing_config.key) = routing_config.value }
    }
  }
}
resource "aws_lambda_permission" "s3" {
  statement_id  = "s3"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.hello.function_name
  principal     = "s3.amazonaws.com"
  source_arn    = "arn:aws:s3:::photos"
}
resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.hello.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
  cors {
    allow_origins = ["*"]
    max_age       = 60
  }
}
resource "aws_lambda_function_event_invoke_config" "hello" {
  function_name                = aws_lambda_function.hello.function_name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 60
}
resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_alias.live.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}
