# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # SQLite runs inside this process, so a query that computes cannot be
      # suspended; one that waits for a lock can.
      module SQLite
        LOCK_TIMEOUT = 5000 # ms, unless extra_options has a timeout
        PAUSES = [0.001, 0.002, 0.005, 0.01, 0.015, 0.02].freeze # s; then the longest
        LONGEST_PAUSE = 0.025

        def clean? = !@connection.closed? && !@connection.transaction_active? && super

        # :memory: lives as long as its connection.
        def throw_away!
          return super unless pool.respond_to?(:memory?) && pool.memory? && !@connection.closed?

          @connection.rollback if @connection.transaction_active?
          reset_transaction
          pool.checkin(self)
        end

        private

        def configure_connection
          super
          @lock_timeout = (@config[:timeout] || LOCK_TIMEOUT).to_f / 1000
          @connection.busy_handler { |attempt| wait_for_lock(attempt) }
        end

        # Called by SQLite: no exception may pass through it.
        def wait_for_lock(attempt)
          now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
          @waiting_since = now if attempt.zero?
          return false if now - @waiting_since >= @lock_timeout

          sleep(PAUSES[attempt] || LONGEST_PAUSE)
          true
        rescue Exception => e
          @interruption = e
          false
        end

        # SQLite has said "busy", because that was the way out; the true reason goes on.
        def log(*)
          super do
            yield
          ensure
            interruption, @interruption = @interruption, nil
            raise interruption if interruption
          end
        end

        # A query that has ended, in whatever way, has left nothing behind.
        def answered?(_error) = true
      end

      ActiveRecord::ConnectionAdapters::SQLite3Adapter.prepend(SQLite)
    end
  end
end
