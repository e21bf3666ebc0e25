# frozen_string_literal: true

module Milter
  module Manager
    # The Fiber scheduler on top of the program's event loop: what would block
    # suspends the fiber that asked and nobody else.
    #
    # Fibers are entered and left by transfer, always from and to the root
    # fiber, which is the event loop's own.
    class Scheduler
      LOOP_READ = 1
      LOOP_WRITE = 2
      FIRST_PAUSE = 0.002 # s, while polling for the end of a process
      LONGEST_PAUSE = 0.05
      PORTION = 0.002 # s for those who may go on, then the loop looks after others

      # Ruby's events in the loop's words.
      def self.loop_events(events)
        (events & (IO::READABLE | IO::PRIORITY) == 0 ? 0 : LOOP_READ) |
          (events & IO::WRITABLE == 0 ? 0 : LOOP_WRITE)
      end

      # What the loop has told, in Ruby's words; wanted: what was asked for.
      def self.ready_events(told, wanted)
        (told & LOOP_READ == 0 ? 0 : wanted & (IO::READABLE | IO::PRIORITY)) |
          (told & LOOP_WRITE == 0 ? 0 : IO::WRITABLE)
      end

      def initialize(root)
        @root = root
        reset
      end

      # Forgets everybody who waits: the loop is gone.
      def reset
        @rest = nil
        @waiting = {}
        @blocked = {}.compare_by_identity
        @ready = []
      end

      # ---- hooks of Fiber::Scheduler

      def io_wait(io, events, timeout)
        ready = wait(io.fileno, Scheduler.loop_events(events), timeout)
        ready.zero? ? false : Scheduler.ready_events(ready, events)
      end

      def io_select(readables, writables, exceptionals, timeout)
        at_once = IO.select_blocking(readables, writables, exceptionals, 0)
        return at_once if at_once || timeout&.zero?

        wait_for_any(readables, writables, timeout)
        IO.select_blocking(readables, writables, exceptionals, 0)
      end

      def kernel_sleep(duration = nil)
        wait(-1, 0, duration)
        true
      end

      def block(_blocker, timeout = nil)
        suspend(timeout) == true
      end

      # May come from another thread: those run only while the loop lets them (Engine.pump).
      def unblock(_blocker, fiber)
        token = @blocked[fiber]
        return unless token

        @ready << [fiber, token]
        Native.post
      end

      def timeout_after(duration, error_class, *arguments)
        fiber = Fiber.current
        number = Engine.pause do
          register(-1, 0, duration, ->(_) { Engine.interrupt(fiber, error_class, *arguments) })
        end
        yield duration
      ensure
        forget(number)
      end

      # The system's resolver would block: hosts file and DNS are asked here.
      def address_resolve(hostname)
        return [hostname] if hostname.match?(Resolv::AddressRegex)

        Resolv.getaddresses(hostname)
      end

      def process_wait(pid, flags)
        pause = FIRST_PAUSE
        until (status = Process::Status.wait(pid, flags | Process::WNOHANG))
          kernel_sleep(pause)
          pause = [pause * 2, LONGEST_PAUSE].min
        end
        status
      end

      # The new fiber runs first; the one that made it goes on in the next turn of the loop.
      def fiber(&block)
        current = Fiber.current
        seconds = Engine.pause(&:itself) unless current.equal?(@root)
        fiber = Fiber.new(blocking: false) do
          Engine.guard("Fiber.schedule") { Engine.turn(seconds, &block) }
        end
        if current.equal?(@root)
          fiber.transfer
        else
          yield_to(fiber, current)
        end
        fiber
      end

      def close; end

      # ---- for the engine, on the root fiber

      # Native.wait number is over; what waits for it is a fiber or a callable.
      def woken(number, events)
        waiter = @waiting.delete(number)
        waiter.is_a?(Fiber) ? Engine.enter(waiter, events) : waiter&.call(events)
      end

      # Who may go on does; the rest in the next turn of the loop.
      def run_ready
        enough = now + PORTION
        @ready.size.times do
          fiber, token = @ready.shift
          wake(fiber) if @blocked[fiber].equal?(token)
          break if now >= enough
        end
      ensure
        @rest ||= after(0, method(:run_rest)) unless @ready.empty?
      end

      # Calls callable once after seconds; returns the number for forget.
      def after(seconds, callable)
        register(-1, 0, seconds, callable)
      end

      # Calls callable once with the loop's events when the descriptor is ready; as after.
      def watch(descriptor, events, callable)
        register(descriptor, events, nil, callable)
      end

      def forget(number)
        return unless number

        @waiting.delete(number)
        Native.forget(number)
      end

      private

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

      def wake(fiber)
        Engine.enter(fiber, true)
      rescue FiberError => e # the others have their turn all the same
        Logger.error("[ruby] #{Engine.describe(e)}")
      end

      def run_rest(_events)
        @rest = nil
        run_ready
      end

      def register(descriptor, events, seconds, waiter)
        number = Native.wait(descriptor, events, seconds&.to_f)
        raise ConfigurationError, "waiting is only possible while the program runs" unless number

        @waiting[number] = waiter
        number
      end

      # Events, 0 when the time is over.
      def wait(descriptor, events, seconds)
        Engine.pause do
          number = register(descriptor, events, seconds, Fiber.current)
          LastMatch.transfer(@root)
        ensure
          forget(number)
        end
      end

      # true when somebody unblocked the fiber.
      def suspend(seconds)
        fiber = Fiber.current
        Engine.pause do
          number = register(-1, 0, seconds, fiber) if seconds
          @blocked[fiber] = Object.new
          LastMatch.transfer(@root)
        ensure
          @blocked.delete(fiber)
          forget(number)
        end
      end

      def wait_for_any(readables, writables, timeout)
        fiber = Fiber.current
        Engine.pause do
          numbers = []
          [[readables, LOOP_READ], [writables, LOOP_WRITE]].each do |ios, events|
            Array(ios).each { |io| numbers << register(io.to_io.fileno, events, nil, fiber) }
          end
          numbers << register(-1, 0, timeout, fiber) if timeout
          LastMatch.transfer(@root)
        ensure
          numbers.each { |number| forget(number) }
        end
      end

      def yield_to(fiber, current)
        Engine.pause do
          token = @blocked[current] = Object.new
          @ready << [current, token]
          Native.post
          LastMatch.transfer(fiber)
        ensure
          @blocked.delete(current)
        end
      end

      # Ruby 3.1 has no hook for IO.select.
      module Select
        def select(readables, writables = nil, exceptionals = nil, timeout = nil)
          scheduler = Fiber.current_scheduler
          return super unless scheduler.is_a?(Scheduler)

          scheduler.io_select(readables, writables, exceptionals, timeout)
        end
      end
    end
  end
end

class IO
  class << self
    alias select_blocking select
    prepend Milter::Manager::Scheduler::Select
  end
end
