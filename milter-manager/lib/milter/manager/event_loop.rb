# frozen_string_literal: true

module Milter
  module Manager
    # What manager.event_loop_created gives to its block.  Callbacks run in
    # fibers, so they may wait; one is never called again before it has ended,
    # and goes on being called as long as it returns a true value.
    class EventLoop
      # seconds: how long a callback may go on without waiting
      def initialize(seconds)
        @seconds = seconds
        @sources = {}
        @last = 0
        @closed = false
      end

      # Every so many seconds.  A failure is logged and the next time is kept.
      def add_timeout(seconds, &block)
        unless seconds.is_a?(Numeric) && seconds.real? && seconds >= 0
          raise ArgumentError, "add_timeout: seconds should be a number from 0 but was #{seconds.inspect}"
        end

        add("add_timeout", block, true) { |source| Engine.scheduler.after(seconds, source) }
      end

      # Whenever the loop has nothing else to do.
      def add_idle(&block)
        add("add_idle", block, false) { |source| Engine.scheduler.after(0, source) }
      end

      # events: IO::READABLE, IO::WRITABLE or both (|).  The block gets the IO and what it is ready for.
      def watch_io(io, events, &block)
        known = IO::READABLE | IO::PRIORITY | IO::WRITABLE
        unless events.is_a?(Integer) && events.positive? && (events & ~known).zero?
          raise ArgumentError, "watch_io: events should be IO::READABLE, IO::WRITABLE or both but was " \
                               "#{events.inspect}"
        end

        ready = ->(told) { [io, Scheduler.ready_events(told, events)] }
        add("watch_io", block, false, ready) do |source|
          Engine.scheduler.watch(io.to_io.fileno, Scheduler.loop_events(events), source)
        end
      end

      # tag: what add_timeout, add_idle or watch_io returned.  False when it is gone already.
      def remove(tag)
        source = @sources.delete(tag)
        source&.stop
        !source.nil?
      end

      # The configuration is no longer in force.
      def close
        @closed = true
        @sources.each_value(&:stop)
        @sources.clear
      end

      def inspect = "#<#{self.class}>"

      private

      def add(name, block, keep, arguments = nil, &arm)
        raise ArgumentError, "#{name} needs a block" unless block
        raise ConfigurationError, "#{name}: this configuration has been replaced" if @closed

        tag = @last += 1
        source = Source.new("#{name} at #{Locations.current.join(":")}", @seconds, block, keep, arguments) do |one|
          arm.call(one) if one.live?
        end
        source.on_end { @sources.delete(tag) }
        @sources[tag] = source
        source.arm
        tag
      rescue IOError, SystemCallError
        @sources.delete(tag)
        raise
      end

      # One callback.
      class Source
        def initialize(name, seconds, block, keep, arguments, &arm)
          @name = name
          @seconds = seconds
          @block = block
          @keep = keep # after a failure
          @arguments = arguments
          @arm = arm
          @live = true
        end

        def live? = @live

        def on_end(&block) = @on_end = block

        def arm
          @number = @arm.call(self)
        end

        # It is due.
        def call(events)
          @number = nil
          arguments = @arguments ? @arguments.call(events) : []
          Task.new(@name, @seconds, @block, *arguments) { |value| go_on(value) }.start
        end

        def stop
          @live = false
          Engine.scheduler.forget(@number)
          @number = nil
        end

        private

        def go_on(value)
          return unless @live

          if value.equal?(Task::FAILED) ? @keep : value
            arm
          else
            @live = false
            @on_end.call
          end
        rescue IOError, SystemCallError => e
          Logger.error("[#{@name}][error] #{e.message}")
          @live = false
          @on_end.call
        end
      end
      private_constant :Source
    end
  end
end
