# frozen_string_literal: true

module Milter
  module Manager
    class Resolver
      # Questions whose answers do not fit a datagram: a few at a time, each in a fiber.
      class Tcp
        MOST = 16
        SECONDS = 4.0
        LONGEST_REPLY = 16_384 # bytes; more would keep the decoder busy for nothing

        class Late < StandardError; end

        def initialize(scheduler)
          @scheduler = scheduler
          @waiting = []
          @busy = 0
        end

        def ask(query, server)
          @waiting << [query, server]
          start if @busy < MOST
        end

        def close = @waiting.clear

        private

        def start
          @busy += 1
          @scheduler.fiber do
            while (query, server = @waiting.shift)
              query.replied_by_tcp(query.wanted? ? exchange(query, server) : nil, server)
            end
          ensure
            @busy -= 1
          end
        end

        # What Query#decode makes of the reply; nil when there is none.
        def exchange(query, server)
          id = Random.rand(0x10000)
          reply = @scheduler.timeout_after(SECONDS, Late) { transmit(query, server, id) }
          query.decode(reply, id)
        rescue SystemCallError, IOError, Late => e
          Logger.debug { "[resolver] #{server} by TCP: #{e.message}" }
          nil
        end

        def transmit(query, server, id)
          socket = TCPSocket.new(server.address, server.port)
          request = [id].pack("n") + query.packet
          socket.write([request.bytesize].pack("n") + request)
          length = read(socket, 2).unpack1("n")
          raise IOError, "an answer of #{length} bytes" if length > LONGEST_REPLY

          read(socket, length)
        ensure
          socket&.close
        end

        def read(socket, length)
          bytes = socket.read(length)
          raise EOFError, "closed in the middle of an answer" if bytes.nil? || bytes.bytesize < length

          bytes
        end
      end
    end
  end
end
