# frozen_string_literal: true

module Milter
  module Manager
    class Resolver
      # A UDP socket that many questions to one server share.  It is connected,
      # so the kernel drops what comes from elsewhere, says when nobody listens,
      # and chooses the port at random.
      class Port
        LONGEST_REPLY = 4096 # bytes
        REPLIES_AT_ONCE = 64 # then others get their turn
        MOST_QUESTIONS = 256 # asked from one port: a guesser is to begin anew

        def initialize(server, scheduler)
          @server = server
          @scheduler = scheduler
          @queries = {}
          @asked = 0
          @socket = Socket.new(server.ipv6? ? :INET6 : :INET, :DGRAM)
          @socket.connect_nonblock(Addrinfo.udp(server.address, server.port))
        rescue StandardError
          @socket&.close
          raise
        end

        def worn_out? = @asked >= MOST_QUESTIONS
        def in_flight = @queries.size
        def closed? = @socket.closed?

        # Returns the id; raises SystemCallError.  A datagram that finds no room
        # counts as lost on the way.
        def ask(query)
          id = free_id
          @socket.sendmsg_nonblock([id].pack("n") + query.packet, 0, nil, exception: false)
          @asked += 1
          @queries[id] = query
          watch
          id
        end

        # No answer to that is waited for any longer.
        def forget(id)
          @queries.delete(id)
          close if worn_out? && @queries.empty?
        end

        # There is something to read.
        def call(_events)
          @watch = nil
          REPLIES_AT_ONCE.times do
            break if @socket.closed?

            reply = @socket.recv_nonblock(LONGEST_REPLY, exception: false)
            break if reply == :wait_readable

            take(reply)
          end
          watch
        rescue SystemCallError => e
          watch
          refused(e)
        end

        def close
          @scheduler.forget(@watch)
          @watch = nil
          @queries.clear
          @socket.close
        end

        private

        def free_id
          id = Random.urandom(2).unpack1("n")
          id = (id + 1) & 0xffff while @queries.key?(id)
          id
        end

        def watch
          return if @watch || @socket.closed? || @queries.empty?

          @watch = @scheduler.watch(@socket.fileno, Scheduler::LOOP_READ, self)
        end

        # Only who knows the id and repeats the question is believed.
        def take(reply)
          id = reply.unpack1("n")
          query = id && @queries[id]
          result = query && query.decode(reply, id)
          return unless result

          forget(id)
          query.replied(result, @server)
        end

        # Nobody listens there: whoever waits for that server is to go on at once.
        def refused(error)
          @queries.to_a.each { |id, query| query.refused(self, id, error) }
        end
      end

      # The ports to one server.
      class Ports
        MOST = 8

        def initialize(server, scheduler)
          @server = server
          @scheduler = scheduler
          @ports = []
        end

        # One that may be used for a question, by chance.
        def take
          @ports.reject! { |port| port.closed? || port.worn_out? }
          return @ports.sample if @ports.size >= MOST

          Port.new(@server, @scheduler).tap { |port| @ports << port }
        end

        def close = @ports.each { |port| port.close unless port.closed? }
      end
    end
  end
end
