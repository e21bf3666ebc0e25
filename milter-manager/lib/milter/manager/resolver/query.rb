# frozen_string_literal: true

module Milter
  module Manager
    class Resolver
      # One question on its way: asks the servers in turn until one of them
      # answers, and tells all who want to know.
      class Query
        # s that a round over all servers takes; each of them has its part of it.
        # Late answers count as long as the question is open.
        ROUNDS = [1.0, 1.5, 2.5].freeze
        MOST_RECORDS = 128 # in an answer: more would only keep the decoder busy
        HEADER = 12 # bytes
        RECURSION_DESIRED = 0x100
        REPLY = 0x8000
        TRUNCATED = 0x200

        attr_reader :key, :packet

        # Little is made before the question has its turn: thousands may wait.
        def initialize(resolver, key)
          @resolver = resolver
          @key = key
          @listeners = []
        end

        # arrivals.arrived(index, answer) is called once, unless withdrawn before.
        def add(arrivals, index) = @listeners.push(arrivals, index)

        def withdraw(arrivals)
          at = @listeners.index(arrivals)
          @listeners.slice!(at, 2) if at
        end

        def wanted? = !@listeners.empty?
        def started? = !@servers.nil?

        # Asks the first time.
        def start(servers)
          @servers = servers
          @open = [] # [port, id] of what was asked
          @useless = [] # servers whose answer was none
          @attempt = 0
          encode(*@key)
          ask
        end

        # The time for the last server's answer is over.
        def call(_events)
          @timer = nil
          @resolver.no_answer_from(server)
          go_on
        end

        # What the bytes say to this question: an Answer, :truncated, :useless
        # when the server had none, or nil when they do not answer it at all.
        def decode(reply, id)
          return unless answers?(reply, id)
          return :truncated if reply.unpack1("@2n") & TRUNCATED != 0

          name, type = @key
          Answer.of(Resolv::DNS::Message.decode(reply), Resolv::DNS::Name.create("#{name}."), type) || :useless
        rescue StandardError # whatever the bytes make of the decoder
          nil
        end

        # That was decoded from what the server sent.
        def replied(result, server)
          return if @done
          return take(result, server) unless result == :truncated

          forget_timer
          @resolver.ask_by_tcp(self, server)
        end

        # The same, but by TCP: nil when that failed.
        def replied_by_tcp(result, server)
          return if @done

          result ? take(result, server) : go_on
        end

        # The server cannot be reached.
        def refused(port, id, error)
          @open.delete([port, id])
          port.forget(id)
          Logger.debug { "[resolver] #{server}: #{error.message}" }
          go_on if !@done && @timer && @asked.equal?(port) && @open.none? { |other, _| other.equal?(port) }
        end

        def done? = @done

        def finish(answer)
          return if @done

          @done = true
          stop
          @resolver.finished(self, answer)
          listeners = @listeners
          @listeners = []
          listeners.each_slice(2) { |arrivals, index| arrivals.arrived(index, answer) }
        end

        # Nobody is told any more.
        def abandon
          @done = true
          @listeners.clear
          stop
        end

        private

        def server = @servers[@attempt % @servers.size]

        # A question and nothing else, without its id: six times faster than
        # Resolv's encoder, which answers for all kinds of records.
        def encode(name, type)
          labels = name.split(".").map { |label| [label.bytesize, label].pack("Ca*") }
          @question = "#{labels.join}\0".b << [type::TypeValue, type::ClassValue].pack("n2")
          @packet = [RECURSION_DESIRED, 1, 0, 0, 0].pack("n5") << @question
        end

        # Before anything is decoded: the header and the question, as bytes.
        def answers?(reply, id)
          number, flags, questions, *counts = reply.unpack("n6")
          number == id && !counts.include?(nil) && flags & REPLY != 0 && questions == 1 &&
            counts.sum <= MOST_RECORDS &&
            reply.byteslice(HEADER, @question.bytesize).casecmp?(@question)
        end

        def take(result, server)
          return finish(result) if result.is_a?(Answer)

          Logger.debug { "[resolver] #{server} has no answer: #{@key.first}" }
          @useless << server
          go_on if server == self.server
        end

        def go_on
          return finish(Answer::FAILURE) unless wanted? || last?

          @attempt += 1
          ask
        end

        def last? = @attempt + 1 >= @servers.size * ROUNDS.size

        # The servers in turn, each round with more patience; a socket that
        # cannot be used is as good as a server that is not there.
        def ask
          forget_timer
          while (pause = ROUNDS[@attempt / @servers.size])
            return if !@useless.include?(server) && ask_server(pause / @servers.size)

            @attempt += 1
          end
          @resolver.complain(@key.first)
          finish(Answer::FAILURE)
        end

        def ask_server(pause)
          @asked = @resolver.port_to(server)
          @open << [@asked, @asked.ask(self)]
          @timer = @resolver.scheduler.after(pause, self)
          true
        rescue SystemCallError => e
          Logger.debug { "[resolver] #{server}: #{e.message}" }
          false
        end

        def forget_timer
          @resolver.scheduler.forget(@timer)
          @timer = nil
        end

        def stop
          return unless @open

          forget_timer
          @open.each { |port, id| port.forget(id) }
          @open.clear
        end
      end
    end
  end
end
