# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # So many at a time; the others wait in the order in which they came.  Who has
      # hardly any time left gets no turn: it would be interrupted in the middle, its
      # connection would be closed, and the same would happen to all behind it.
      # Waiting suspends a fiber (or a thread) and nobody else.
      class Turns
        ENOUGH = 0.95 # of a condition's time: who has waited for so long waits in vain

        def initialize(number)
          @free = number
          @waiting = {} # queue => until when a turn is of use, in order
          @lock = Monitor.new
        end

        # seconds nil: as long as the condition may take.
        def take(seconds)
          queue = enter
          return unless queue

          begin
            wait(queue, seconds)
            taken = true
          ensure
            give_up(queue) unless taken
          end
        end

        def leave
          @lock.synchronize do
            queue = next_in_line
            if queue
              @waiting.delete(queue)
              queue << true
            else
              @free += 1
            end
          end
        end

        def all_taken? = @free.zero?

        private

        # A queue to wait at, nil when a turn was free.
        def enter
          @lock.synchronize do
            if @free.positive?
              @free -= 1
              nil
            else
              Thread::Queue.new.tap { |queue| @waiting[queue] = latest }
            end
          end
        end

        # Monotonic s; conditions count from their beginning, which is hardly earlier.
        def latest
          limit = Engine.limit
          limit ? now + (limit * ENOUGH) : Float::INFINITY
        end

        def next_in_line
          time = now
          queue, = @waiting.find { |_, latest| latest > time }
          queue
        end

        def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

        def wait(queue, seconds)
          return queue.pop unless seconds

          message = "no database connection was free within #{seconds} s"
          Timeout.timeout(seconds, ActiveRecord::ConnectionTimeoutError, message) { queue.pop }
        end

        # The turn may have come just before the end of patience: then it is passed on.
        def give_up(queue)
          @lock.synchronize { leave unless @waiting.delete(queue) }
        end
      end
    end
  end
end
