# frozen_string_literal: true

require "milter/manager/database/turns"

module Milter
  module Manager
    module Database
      # What ActiveRecord's pool of connections lacks where fibers take the place
      # of threads: a connection belongs to a fiber; who finds none free waits for
      # a turn (Turns) and not on a condition variable; a connection that may be
      # in the middle of something is closed, never handed on; a pool that a
      # reload has replaced closes its connections as they come back.
      module Pool
        def initialize(pool_config)
          super
          @turns = Turns.new(@size)
          # One more for the files of a configuration: they cannot wait, they hold up the loop.
          @size += 1 unless memory?
          @patience = db_config.configuration_hash[:checkout_timeout]&.to_f
          @retired = false
          @flush_timer = nil
        end

        def checkin(connection)
          super
          leave(connection)
          @retired ? flush! : flush_later
        end

        def remove(connection)
          super
          leave(connection)
        end

        # Also what the fiber checked out by hand and forgot.
        def release_connection(_owner = nil)
          fiber = Fiber.current
          @thread_cached_conns.delete(fiber)
          connections.each { |connection| give_back(connection) if connection.owner.equal?(fiber) }
        end

        # What fibers had that are no more.
        def reap
          return if discarded?

          connections.each do |connection|
            next if !connection.in_use? || connection.owner.alive?

            connection.steal!
            give_back(connection)
          end
        end

        # Takes nothing out of the hands of those who wait for an answer.
        def disconnect(_raise_on_acquisition_timeout = true) = flush!

        # Another pool has taken its place.  Who works with this one still may.
        def retire
          @retired = true
          flush!
        end

        # The database is in the connection, which a fork copies.
        def discard!
          super unless memory?
        end

        def memory? = db_config.database == Settings::MEMORY

        private

        # Thread.current is what ActiveRecord means by "me".
        def connection_cache_key(owner)
          owner.equal?(Thread.current) ? Fiber.current : owner
        end

        def acquire_connection(_timeout)
          turn = wait_for_turn
          connection = @available.poll || try_to_checkout_new_connection
          raise ActiveRecord::ConnectionTimeoutError, "the database connection is in use" unless connection

          connection.turn = turn
          connection
        ensure
          @turns.leave if turn && connection.nil?
        end

        # False for the loop's own fiber, which evaluates configurations and must not be held up.
        def wait_for_turn
          return false if Engine.root?

          refuse_to_block if Fiber.current_scheduler.nil? && Thread.current.equal?(Thread.main)
          reap if @turns.all_taken?
          @turns.take(@patience)
          true
        end

        # Ruby runs an enumerator whose `next' is called in a fiber that knows no scheduler.
        def refuse_to_block
          raise ActiveRecord::ConnectionNotEstablished,
                "a query in a blocking fiber, such as that of Enumerator#next, would hold up all " \
                "sessions: use each or to_a"
        end

        # An exception that is no StandardError, such as the end of a condition's time, included.
        def checkout_and_verify(connection)
          verified = super
        ensure
          connection.throw_away! unless verified
        end

        def give_back(connection)
          connection.clean? ? checkin(connection) : connection.throw_away!
        end

        def leave(connection)
          return unless connection.turn

          connection.turn = false
          @turns.leave
        end

        # In place of the Reaper: once, when the connection that came back has been idle.
        def flush_later
          return if @flush_timer || @idle_timeout.nil? || memory? || !Engine.attached?

          @flush_timer = Engine.scheduler.after(@idle_timeout, method(:flush_idle))
        end

        def flush_idle(_events)
          @flush_timer = nil
          flush
          flush_later if !discarded? && connected?
        end
      end

      # A fiber stays with the pool that it began with.
      module Handler
        def retrieve_connection_pool(owner, role: ActiveRecord::Base.current_role,
                                     shard: ActiveRecord::Base.current_shard)
          Database.pin([owner, role, shard]) { super }
        end
      end

      module PoolConfig
        # Kept over a fork, it stays the one of its configuration.
        def discard_pool!
          super unless @pool&.memory?
        end

        # What ActiveRecord does to a pool whose place another takes.
        def disconnect! = @pool&.retire
      end

      # ActiveRecord's thread that looks after idle connections: as long as there is
      # a thread, the loop wakes up all the time to give it a turn.
      module Reaper
        def run; end
      end

      ActiveRecord::ConnectionAdapters::ConnectionPool.prepend(Pool)
      ActiveRecord::ConnectionAdapters::ConnectionHandler.prepend(Handler)
      ActiveRecord::ConnectionAdapters::PoolConfig.prepend(PoolConfig)
      ActiveRecord::ConnectionAdapters::ConnectionPool::Reaper.prepend(Reaper)
    end
  end
end
