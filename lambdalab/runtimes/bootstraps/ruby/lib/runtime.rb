# The Ruby runtime's entry point, as AWS has one at /var/runtime/lib:
#
#     ruby --disable-gems runtime.rb HANDLER
#
# Loads the function's file, then answers invocations until the process ends. Written from the behaviour of AWS's
# Ruby client: which errors end the process, with which status, and what is logged of them.

# The function's directories leave the path while the runtime's own parts are loaded: a json.rb of the function's
# is not the runtime's.
path = $LOAD_PATH.dup
layers = ENV.delete("LAMBDALAB_LAYERS_ROOT") || "/opt"
roots = [ENV.fetch("LAMBDA_TASK_ROOT"), "#{layers}/ruby/lib", "#{layers}/ruby/gems"]
$LOAD_PATH.reject! { |directory| directory.start_with?(*roots) }

require "json"
require "socket.so" # sockets alone; a function that requires "socket" gets the rest of it then
require_relative "gems"
require_relative "api"
require_relative "context"
require_relative "failure"
require_relative "handler"
require_relative "logging"

$LOAD_PATH.replace(path)
# Told only so that Ruby takes text for UTF-8 on machines that lack AWS's en_US.UTF-8.
ENV.delete("LC_CTYPE") if ENV["LC_CTYPE"] == "C.UTF-8"
$stdout.sync = true

module LambdaRuntime
  EXIT_AFTER_CRITICAL = 255 # AWS's client says exit(-1), and -4 for a failed init
  EXIT_AFTER_INIT = 252

  # Serve the handler until an error that ends the process; returns the status to exit with. `roots` are where the
  # package and the layers lie.
  def self.run(name, roots)
    api = Api.new(ENV.fetch("AWS_LAMBDA_RUNTIME_API"))
    begin
      handler = LambdaHandler.new(env_handler: name)
      Gems.prepare(roots)
      require handler.handler_file_name
    rescue Exception => error
      failure = Failure.new(error, "Init")
      failure.log("Init error when loading handler #{name}")
      api.init_failed(failure)
      return EXIT_AFTER_INIT
    end
    nil while serve(api, handler)
    EXIT_AFTER_CRITICAL
  end

  # One invocation. Returns whether the process goes on.
  def self.serve(api, handler)
    headers, body = api.next
    $_global_aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    ENV["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
    begin
      type, answer = handler.call(JSON.parse(body), LambdaContext.new(headers))
    rescue NameError => error # NoMethodError too: AWS's client takes both for a broken program
      critical(api, error)
    rescue StandardError => error
      failure = Failure.new(error)
      failure.log("Error raised from handler method")
      api.failed($_global_aws_request_id, failure)
    rescue Exception => error
      critical(api, error)
    else
      api.answered($_global_aws_request_id, type, answer)
    end
  end

  def self.critical(api, error)
    failure = Failure.new(error)
    failure.log("Critical exception from handler")
    api.failed($_global_aws_request_id, failure, last: true)
    false
  end
  private_class_method :critical
end

exit(LambdaRuntime.run(ARGV.shift, roots))
