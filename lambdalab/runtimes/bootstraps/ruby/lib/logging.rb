require "logger"

module LambdaRuntime
  # What AWS makes of Ruby's Logger where it writes to the log: the request's id in each line, or JSON.
  module Logging
    JSON_LOG = ENV["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    LEVEL = { "TRACE" => :debug, "DEBUG" => :debug, "INFO" => :info, "WARN" => :warn, "ERROR" => :error, "FATAL" => :fatal }
            .fetch(ENV["AWS_LAMBDA_LOG_LEVEL"].to_s.upcase, :debug)

    # "I, [2026-11-01T00:00:00.123456 #8]  INFO <request id> -- : message"
    class Text < Logger::Formatter
      def call(severity, time, progname, message)
        line = format("%s, [%s #%d] %5s %s -- %s: %s", severity[0], format_datetime(time), Process.pid, severity,
                      $_global_aws_request_id, progname, msg2str(message))
        "#{line.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)}\n"
      end
    end

    class Json < Logger::Formatter
      def call(severity, time, progname, message)
        record = {
          timestamp: time.utc.strftime("%Y-%m-%dT%H:%M:%S.%6NZ"), level: severity,
          message: text(message.is_a?(Exception) ? message.message : msg2str(message)), requestId: $_global_aws_request_id
        }
        record[:logger] = text(progname) unless progname.to_s.empty?
        record.merge!(exception(message)) if message.is_a?(Exception)
        "#{JSON.generate(record.compact)}\n"
      end

      private

      def exception(error)
        frames = Array(error.backtrace).map { |line| text(line) }
        found = frames.first&.match(/\A(?<file>.+):(?<line>\d+):in [`'](?<method>.+)'\z/)
        location = found ? "#{found[:file]}:#{found[:method]}:#{found[:line]}" : frames.first
        { errorType: error.class.to_s, errorMessage: text(error.message), stackTrace: frames, location: location }
      end

      def text(value)
        value.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
      end
    end

    def initialize(device, *rest, **options)
      to_log = device.nil? || device.equal?($stdout) || device.equal?($stderr)
      options = { level: LEVEL, **options } if to_log && JSON_LOG
      super(to_log ? $stdout : device, *rest, **options)
      @default_formatter = JSON_LOG ? Json.new : Text.new if to_log
    end
  end
end

Logger.prepend(LambdaRuntime::Logging)
