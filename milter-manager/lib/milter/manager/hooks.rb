# frozen_string_literal: true

module Milter
  module Manager
    # What the files define for the daemon to call: blocks, and who is asked
    # whether an SMTP client is still there.
    class Hooks
      # One block; not called again while it still waits.
      class Hook
        def initialize(name, block)
          @name = name
          @block = block
          @running = false
        end

        def call(seconds, *arguments)
          return Logger.debug("[#{@name}] skipped: it is still at work") if @running

          @running = true
          Task.new(@name, seconds, @block, *arguments) { @running = false }.start
        end
      end

      # Asked whether a session's SMTP client is connected.
      class Checker
        attr_reader :name, :timeout

        def initialize(name, block, hooks)
          @name = name
          @block = block
          @hooks = hooks
        end

        def timeout = @hooks.seconds

        # As a condition's: true when the client has gone, which only false says.
        def stopped_by(_stage, context, _arguments) = @block.call(context) == false
      end

      # How long a block may go on without waiting, s; nil: for ever.
      attr_accessor :seconds
      attr_reader :event_loop

      def initialize
        @checkers = {}
        @maintained = []
        @loop_created = []
        @memory_reported = false
      end

      def define_connection_checker(name, block)
        needs_block("define_connection_checker", block)
        want(Native::HOOK_CONNECTION_CHECK)
        @checkers[name.to_s] = Checker.new(name.to_s, block, self)
      end

      def maintained(block)
        needs_block("maintained", block)
        want(Native::HOOK_MAINTAINED)
        @maintained << Hook.new("manager.maintained", block)
      end

      def report_memory_statistics
        return if @memory_reported

        want(Native::HOOK_MAINTAINED)
        @memory_reported = true
        @maintained << Hook.new("manager.report_memory_statistics", method(:report_memory))
      end

      def event_loop_created(block)
        needs_block("event_loop_created", block)
        want(Native::HOOK_LOOP_CREATED)
        @loop_created << Hook.new("manager.event_loop_created", block)
      end

      def checkers = @checkers.values

      # ---- called by the daemon, through the engine

      def run_maintained
        @maintained.each { |hook| hook.call(@seconds) }
      end

      def run_loop_created
        @event_loop = EventLoop.new(@seconds)
        @loop_created.each { |hook| hook.call(@seconds, @event_loop) }
      end

      def release_loop
        @event_loop&.close
      end

      private

      def needs_block(word, block)
        raise ConfigurationError, "manager.#{word} needs a block" unless block
      end

      def want(hook)
        message = Native.want_hook(hook)
        raise ConfigurationError, message if message
      end

      def report_memory
        objects = ObjectSpace.count_objects
        Logger.statistics("[maintain][memory] (#{Native.resident_size}KB) " \
                          "total:#{objects[:TOTAL] - objects[:FREE]} " \
                          "Proc:#{ObjectSpace.each_object(Proc) {}} " \
                          "Fiber:#{ObjectSpace.each_object(Fiber) {}}")
      end
    end
  end
end
