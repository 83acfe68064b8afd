# What a handler gets as `context:`. The names are AWS's.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms

  def initialize(headers)
    @deadline_ms = headers["Lambda-Runtime-Deadline-Ms"].to_i
    @aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    @invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
    @log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
    @log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
    @function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
    @memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    @function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
    @identity = parsed(headers["Lambda-Runtime-Cognito-Identity"])
    @client_context = parsed(headers["Lambda-Runtime-Client-Context"])
    # By the steady clock, so that a handler that changes its idea of time does not change how long it has.
    @ends_ms = now_ms + @deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
  end

  # Milliseconds until the invocation times out; never below 0.
  def get_remaining_time_in_millis
    [@ends_ms - now_ms, 0].max
  end

  private

  def now_ms
    Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
  end

  def parsed(text)
    JSON.parse(text.dup.force_encoding(Encoding::UTF_8)) if text
  end
end
