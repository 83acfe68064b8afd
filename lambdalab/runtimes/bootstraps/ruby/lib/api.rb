module LambdaRuntime
  # The Runtime API over one kept-alive connection. The poll for the next event travels with the answer to the last
  # one, which saves a round trip between two processes on every invocation.
  class Api
    PREFIX = "/2018-06-01/runtime"
    POLL = "GET #{PREFIX}/invocation/next HTTP/1.1\r\nHost: runtime\r\nUser-Agent: aws-lambda-ruby/#{RUBY_VERSION}\r\n\r\n".freeze
    # 413: too large. The region has answered the caller already; the environment lives on, as on AWS.
    TAKEN = [202, 413].freeze

    def initialize(address)
      host, _, port = address.rpartition(":")
      @connection = TCPSocket.new(host, port.to_i)
      @connection.setsockopt(:TCP, :NODELAY, 1)
      @connection.binmode
      @polled = false
    end

    # Wait for an event: its headers and its body.
    def next
      if @polled
        @polled = false
        taken
      else
        @connection.write(POLL)
      end
      status, headers, body = read
      raise "Received #{status} when waiting for next invocation." unless status == 200
      [headers, body.force_encoding(Encoding::UTF_8)]
    rescue SignalException => signal
      puts "Waiting for the next invocation was interrupted by #{signal}; the runtime ends."
      exit(0)
    end

    # Answer with the handler's value. Returns true.
    def answered(id, type, body)
      post("invocation/#{id}/response", body, "Content-Type: #{type}\r\n", POLL)
    end

    # Answer with an error, the last thing this process does if `last`. Returns true.
    def failed(id, failure, last: false)
      post("invocation/#{id}/error", failure.to_json, error_type(failure), last ? nil : POLL)
    end

    def init_failed(failure)
      post("init/error", failure.to_json, error_type(failure), nil)
    end

    private

    def error_type(failure)
      "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: #{failure.reported_type}\r\n"
    end

    def post(path, body, headers, poll)
      head = "POST #{PREFIX}/#{path} HTTP/1.1\r\nHost: runtime\r\n#{headers}Content-Length: #{body.bytesize}\r\n\r\n"
      @connection.write(head, body, poll || "")
      @polled = !poll.nil?
      taken unless poll
      true
    end

    def taken
      status, _, body = read
      raise "The Runtime API answered #{status} to an outcome: #{body}" unless TAKEN.include?(status)
    end

    def read
      head = @connection.gets("\r\n\r\n") or raise EOFError, "the Runtime API closed the connection"
      first, *lines = head.force_encoding(Encoding::UTF_8).split("\r\n")
      headers = lines.to_h { |line| line.split(": ", 2) }
      [first[9, 3].to_i, headers, @connection.read(headers.fetch("Content-Length", "0").to_i)]
    end
  end
end
