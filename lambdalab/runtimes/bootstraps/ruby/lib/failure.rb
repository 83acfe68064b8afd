module LambdaRuntime
  # An exception as AWS reports it: {"errorMessage", "errorType", "stackTrace"}.
  class Failure
    FRAMES = 100
    # Other classes are the function's own, and AWS's metrics do not name them.
    NAMED = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze
    HERE = "#{__dir__}/".freeze
    private_constant :HERE

    # `phase` is "Function", or "Init" for what was raised while the function's file was loaded.
    def initialize(error, phase = "Function")
      @type = "#{phase}<#{error.class}>"
      @named = NAMED.include?(error.class.to_s)
      @document = { errorMessage: text(error.message), errorType: @type, stackTrace: frames(error) }
    end

    # What the header Lambda-Runtime-Function-Error-Type says.
    def reported_type
      @named ? @type : "Function<UserException>"
    end

    def to_json(*)
      JSON.generate(@document)
    end

    def log(heading)
      puts heading, JSON.pretty_generate(@document)
    end

    private

    # Down to where the runtime called the function; what stands in for RubyGems' `require` is left out on the way.
    def frames(error)
      mine = (error.backtrace || []).reject { |line| line.start_with?(Gems::FILE) }
      mine.take_while { |line| !line.start_with?(HERE) }.first(FRAMES).map { |line| text(line) }
    end

    def text(value)
      String(value).encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
    end
  end
end
