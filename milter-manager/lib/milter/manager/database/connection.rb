# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # A connection of ActiveRecord that belongs to a fiber.  Its condition may
      # end in the middle of a query, by an exception that says nothing about the
      # database: then the connection is of no use to anybody.
      module Connection
        attr_accessor :turn # whether it was one of the pool's turns to take it

        def lease
          raise ActiveRecord::ActiveRecordError, "the connection is in use by #{@owner.inspect}" if in_use?

          @owner = Fiber.current
        end

        def expire
          unless @owner.equal?(Fiber.current)
            raise ActiveRecord::ActiveRecordError, "the connection is not in use by this fiber"
          end

          @idle_since = Concurrent.monotonic_time
          @owner = nil
        end

        def steal!
          raise ActiveRecord::ActiveRecordError, "the connection is not in use" unless in_use?

          pool.send(:remove_connection_from_thread_cache, self, @owner)
          @owner = Fiber.current
        end

        # Nothing is under way, and nothing was left open: somebody else may have it.
        def clean? = !transaction_open?

        # Nothing is left to be undone where the connection was closed.
        def rollback_db_transaction
          super unless @given_up
        end

        def rollback_to_savepoint(*)
          super unless @given_up
        end

        private

        # Every query passes here.
        def log(*)
          super do
            finished = false
            result = yield
            finished = true
            result
          ensure
            give_up unless finished || answered?($!)
          end
        end

        # Whether the query has ended all the same: the driver says what was wrong with it.
        def answered?(error) = error.is_a?(StandardError) && !error.is_a?(Timeout::Error)

        def give_up
          @given_up = true
          pool.respond_to?(:remove) ? throw_away! : disconnect!
        end
      end

      ActiveRecord::ConnectionAdapters::AbstractAdapter.prepend(Connection)
    end
  end
end
