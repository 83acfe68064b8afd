module LambdaRuntime
  # RubyGems, loaded when it is needed: it takes as long as all the rest of a cold start.
  #
  # It is needed at once when the package or a layer brings gems, for they may replace libraries that Ruby has of its
  # own; else on the first `require` of something that is not Ruby's, or on the first word of `Gem`.
  module Gems
    FILE = __FILE__
    PLAIN = Kernel.instance_method(:require)
    private_constant :PLAIN

    class << self
      # Called before the function's file is loaded. `roots` are where the package and the layers lie.
      def prepare(roots)
        brought = ENV.fetch("GEM_PATH", "").split(":").select { |directory| directory.start_with?(*roots) }
        return load_now if brought.any? { |directory| Dir.exist?("#{directory}/specifications") }
        Object.autoload(:Gem, "rubygems") unless defined?(::Gem)
        gems, plain = self, PLAIN
        Kernel.module_eval do
          define_method(:require) do |name|
            plain.bind_call(self, name)
          rescue LoadError => missing
            raise unless gems.waiting? && missing.path == name.to_s
            gems.load_now
            require(name)
          end
          define_method(:gem) do |*words|
            gems.load_now
            gem(*words)
          end
          private :require, :gem
        end
        @waiting = true
      end

      def waiting? = @waiting

      # Ruby's own `require` is put back first: RubyGems replaces that one, not ours.
      def load_now
        if @waiting
          @waiting = false
          plain = PLAIN
          Kernel.module_eval do
            remove_method :gem
            define_method(:require, plain)
            private :require
          end
        end
        require "rubygems"
      end
    end
  end
end
