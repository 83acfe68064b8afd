# A function's handler: "file.method", or "file.Module::Class.method" for a method of a module or class.
#
# It has this name, and calls methods of the file's top level on itself, because AWS's does and Ruby's messages
# show it: "undefined method 'nothing' for an instance of LambdaHandler".
class LambdaHandler
  attr_reader :handler_file_name, :handler_method_name

  def initialize(env_handler:)
    parts = env_handler.split(".")
    case parts.size
    when 2 then @handler_file_name, @handler_method_name = parts
    when 3 then @handler_file_name, @handler_class, @handler_method_name = parts
    else raise ArgumentError, MALFORMED % [parts.inspect]
    end
  end

  # Call it. Returns the answer's content type and body; turning the value into JSON is a part of the call.
  def call(event, context)
    value =
      if @handler_class
        Kernel.const_get(@handler_class).send(@handler_method_name, event: event, context: context)
      else
        __send__(@handler_method_name, event: event, context: context)
      end
    # StringIO is only asked for when the function has loaded it.
    return ["application/unknown", value.read] if value.is_a?(IO) || (defined?(StringIO) && value.is_a?(StringIO))
    ["application/json", value.to_json]
  end

  # AWS's own words.
  MALFORMED = "Invalid handler %s, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME " \
              "corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace " \
              "and METHOD is a callable method. If using CLASS, METHOD must be a class-level method."
  private_constant :MALFORMED
end
