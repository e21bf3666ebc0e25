# frozen_string_literal: true

module Milter
  module Manager
    # A block of the administrator's that runs in a fiber and for no session: a
    # hook, a callback of the event loop.  What goes wrong in it is logged.
    class Task
      # seconds: how long it may go on without waiting, nil for ever.
      # finished is called once, with the value of the block or FAILED.
      FAILED = Object.new.freeze

      def initialize(name, seconds, block, *arguments, &finished)
        @name = name
        @seconds = seconds
        @block = block
        @arguments = arguments
        @finished = finished
      end

      # On the root fiber.
      def start
        Engine.enter(Engine.take_fiber, self)
      rescue FiberError => e
        Logger.error("[#{@name}][error] #{e.message}")
        finish(FAILED)
      end

      # In the fiber.
      def run
        finish(Engine.turn(@seconds) { @block.call(*@arguments) })
      rescue ConditionOverrun => e
        Logger.warning("[#{@name}][timeout] #{Locations.of(e).first}: it ran for #{@seconds} s without " \
                       "waiting and was interrupted")
      rescue Exception => e
        Logger.error("[#{@name}][error] #{Engine.describe(e)}")
      end

      # The fiber has ended.
      def give_up(_fiber, error = nil)
        Logger.error("[#{@name}][error] #{Engine.describe(error)}") if error
        finish(FAILED)
      end

      # It could not be interrupted and was left behind.
      def call(_events)
        Logger.warning("[#{@name}][timeout] it cannot be interrupted: left behind for good")
        finish(FAILED)
      end

      private

      def finish(value)
        finished = @finished
        @finished = nil
        finished&.call(value)
      end
    end
  end
end
