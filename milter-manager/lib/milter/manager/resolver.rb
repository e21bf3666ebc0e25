# frozen_string_literal: true

require "milter/manager/resolver/answer"
require "milter/manager/resolver/cache"
require "milter/manager/resolver/name_servers"
require "milter/manager/resolver/names"
require "milter/manager/resolver/port"
require "milter/manager/resolver/query"
require "milter/manager/resolver/tcp"

module Milter
  module Manager
    # Asks name servers from conditions: a few shared sockets on the program's
    # event loop, one question for all who ask the same, answers kept as long
    # as they say.  What waits is the asking fiber and nobody else.
    class Resolver
      # Questions on their way.  At a server that never answers they leave after
      # 5 s, so others wait for their turn behind 800 of these a second.
      MOST_IN_FLIGHT = 4096
      AT_ONCE = 128 # started before the loop looks after others
      MOST_WAITING = 65_536 # further ones fail at once
      MOST_RESOLVERS = 8 # reloads with other servers
      IDLE = 5.0 # s until unused sockets are closed
      COMPLAIN = 60 # s between warnings

      class << self
        # The resolver for that list of Server; nil is what the system uses.
        # It outlives reloads of the configuration, and so do its answers.
        def for(servers)
          unless Fiber.current_scheduler
            raise ConfigurationError, "names can only be looked up in a condition"
          end

          @resolvers ||= {}
          found = @resolvers.delete(servers)
          found ||= new(servers ? FixedServers.new(servers) : SystemServers.new, Engine.scheduler)
          @resolvers.shift if @resolvers.size >= MOST_RESOLVERS
          @resolvers[servers] = found
        end

        # The loop has gone.
        def reset
          @resolvers&.each_value(&:close)
          @resolvers = nil
        end
      end

      attr_reader :scheduler, :cache

      def initialize(servers, scheduler)
        @servers = servers
        @scheduler = scheduler
        @cache = Cache.new
        @queries = {} # by key: on their way or waiting
        @waiting = []
        @in_flight = 0
        @ports = {}
        @tcp = Tcp.new(scheduler)
        @first = 0
      end

      # Asks all questions, [NAME, TYPE], at once and yields the index and the
      # Answer of each as they come, until the block says true: that is
      # returned.  nil when none did or the time is over.  From fibers only.
      def any?(questions, seconds, &block)
        rest = {}
        questions.each_with_index do |question, index|
          answer = @cache[question]
          return true if answer && yield(index, answer)

          rest[index] = question unless answer
        end
        !rest.empty? && wait_for_any(rest, seconds, &block)
      end

      # The answer to one question, Answer::FAILURE when there is none in time.
      def lookup(name, type, seconds)
        result = Answer::FAILURE
        any?([[name, type]], seconds) { |_, answer| result = answer }
        result
      end

      # ---- for queries

      def port_to(server) = (@ports[server] ||= Ports.new(server, @scheduler)).take

      def ask_by_tcp(query, server) = @tcp.ask(query, server)

      # The next questions begin with another server.
      def no_answer_from(server)
        servers = @servers.servers
        @first += 1 if servers[@first % servers.size] == server
      end

      def finished(query, answer)
        @queries.delete(query.key)
        @cache.store(query.key, answer) unless answer.failure?
        return unless query.started?

        @in_flight -= 1
        start_soon unless @waiting.empty?
        close_when_idle
      end

      # Once in a while: a question has found no server that answers it.
      def complain(name)
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        return if @complained && now - @complained < COMPLAIN

        @complained = now
        Logger.warning("[resolver] no usable answer from the name servers #{@servers} for #{name}: " \
                       "such questions count as failed")
      end

      def close
        @queries.each_value(&:abandon)
        @queries.clear
        @waiting.clear
        @ports.each_value(&:close)
        @ports.clear
        @tcp.close
        [@starting, @closing].each { |number| @scheduler.forget(number) }
        @starting = @closing = nil
        @in_flight = 0
      end

      private

      def wait_for_any(questions, seconds)
        arrivals = Arrivals.new(@scheduler, seconds)
        asked = questions.map { |index, question| ask(question, arrivals, index) }
        # No block here: what a fiber has on its stack while it waits counts by the thousand.
        while !arrivals.complete?(asked.size) && (arrival = arrivals.take)
          return true if yield(*arrival)
        end
        false
      ensure
        asked&.each { |query| query.withdraw(arrivals) }
      end

      def ask(question, arrivals, index)
        query = @queries[question]
        query&.add(arrivals, index)
        return query if query

        query = Query.new(self, question)
        query.add(arrivals, index)
        return query.tap { query.finish(Answer::FAILURE) } if @waiting.size >= MOST_WAITING

        @queries[question] = query
        @waiting << query
        start_soon
        query
      end

      # Outside of the fiber that asks, whose stack stays small.
      def start_soon
        @starting ||= @scheduler.after(0, method(:start_waiting)) if @in_flight < MOST_IN_FLIGHT
      end

      # Who has given up meanwhile needs no answer.
      def start_waiting(_events)
        @starting = nil
        AT_ONCE.times do
          break if @in_flight >= MOST_IN_FLIGHT || !(query = @waiting.shift)

          query.wanted? ? start(query) : @queries.delete(query.key)
        end
        start_soon unless @waiting.empty?
      end

      def start(query)
        @in_flight += 1
        @scheduler.forget(@closing)
        @closing = nil
        query.start(@servers.servers.rotate(@first))
      end

      def close_when_idle
        return if @in_flight.positive? || @closing

        @closing = @scheduler.after(IDLE, method(:close_ports))
      end

      def close_ports(_events)
        @closing = nil
        @ports.each_value(&:close)
        @ports.clear
      end

      # What has come for one fiber that waits.
      class Arrivals
        def initialize(scheduler, seconds)
          @scheduler = scheduler
          @deadline = now + seconds
          @fiber = Fiber.current
          @items = []
          @taken = 0
        end

        def complete?(count) = @taken == count

        def arrived(index, answer)
          @items << [index, answer]
          @scheduler.unblock(self, @fiber)
        end

        # nil when the time is over
        def take
          while @items.empty? && (rest = @deadline - now).positive?
            @scheduler.block(self, rest)
          end
          @taken += 1
          @items.shift
        end

        private

        def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
      private_constant :Arrivals
    end
  end
end
