# frozen_string_literal: true

module Milter
  module Manager
    # What the C half calls: loading, asking, waking.  Everything runs on the
    # main thread; the fiber that called in is the event loop's.
    module Engine
      IDLE_FIBERS = 256 # kept for reuse: making one costs more than a question
      # Some 20 KB each while they wait, and two of the 65,530 memory maps that
      # Linux gives to a process; further questions wait for their turn, also
      # those that would be answered at once.
      MOST_FIBERS = 20_000
      # Ended since garbage was collected: what they used goes now, while few are left to look through.
      MANY_ENDED = 2000
      WORDS_LIMIT = 1.0 # s for an exception to say what it is
      PUMP_BUSY = 0.002 # s between turns of other threads while somebody waits for them
      PUMP_IDLE = 0.02
      # Ruby takes the processor from a thread after 0.1 s at the earliest.  Threads that used
      # all of theirs for so many seconds get a tenth of the time from then on.
      BUSY_TURN = 0.05
      BUSY_LIMIT = 5.0
      BUSY_REST = 9

      class << self
        attr_reader :scheduler
        attr_accessor :observed # somebody wants to hear of each condition (Native.remark)
        attr_writer :most_fibers # for tests

        # Once, on the root fiber.
        def prepare
          Isolation.install
          @root = Fiber.current
          @scheduler = Scheduler.new(@root)
          @pending = {}
          @finished = []
          @idle = []
          @fibers = @ended = 0
          @queue = []
          @pump = nil
          @busy = @last_turn = 0.0
          @attached = false
          @works = {}.compare_by_identity # fiber -> what it runs
          @abandoned = ObjectSpace::WeakMap.new
          Fiber.set_scheduler(@scheduler)
        end

        # There is a loop now: load what would hold it up in the middle of a question.
        def attach
          require "resolv"
          require "timeout"
          Resolver::Names.limit
          @attached = true
          Isolation.on_overdue { overdue }
          Database.probe_soon
        end

        # Whether there is a loop to wait with.
        def attached? = @attached

        # Whether this is the loop's own fiber.
        def root? = Fiber.current.equal?(@root)

        # In the child of a fork that goes on.
        def after_fork = Database.after_fork

        # The event loop is gone, and with it whatever waited.
        def reset
          Resolver.reset
          @scheduler.reset
          @pending.clear
          @finished.clear
          @queue.clear
          @fibers = @idle.size
          @pump = @collecting = nil
          @attached = false
          Database.close_idle
        end

        # ---- configuration

        # [configuration, message, ...]: no message means success.  custom: the
        # last directory of the load path, or nil.  thorough: say what else is odd
        # in spite of mistakes.
        def load(directories, custom, thorough)
          Database.forget_candidate
          loader = Loader.new(directories, custom, thorough)
          loader.run
          [loader.configuration, *loader.messages]
        ensure
          Database.release
          Database.forget_candidate unless loader&.messages&.empty?
        end

        def seal(configuration)
          configuration.seal
          nil
        end

        # For the program, whose child goes on.
        def fork_process = Isolation.fork_process

        # In a forked process: what waits here waits as in any program.
        def forget_loop
          @scheduler.reset
          Fiber.set_scheduler(nil)
        end

        # ---- hooks

        def loop_created(configuration)
          configuration.hooks.run_loop_created
          watch_threads
        end

        def release_loop(configuration) = configuration.hooks.release_loop

        def maintained(configuration)
          configuration.hooks.run_maintained
          watch_threads
        end

        # ---- questions; called from C on the root fiber

        # The number of the stopper that said true, false, or nil: the answer will come from
        # woken or run_ready.
        def ask(ticket, conditions, stage, handle, arguments)
          put(Question.new(ticket, conditions, stage, handle, arguments))
        end

        # The same: has the SMTP client gone?
        def check_connection(ticket, configuration, handle)
          put(ConnectionQuestion.new(ticket, configuration.hooks.checkers, handle))
        end

        def cancel(ticket)
          @pending.delete(ticket)&.cancel
          watch_threads
          nil
        end

        # [ticket, answer, ticket, answer, ...] or nil
        def woken(number, events)
          @scheduler.woken(number, events)
          watch_threads
          take_finished
        end

        def run_ready
          @scheduler.run_ready
          take_finished
        end

        # ---- for questions and the scheduler

        def finished(question)
          @pending.delete(question.ticket)
          @finished << question.ticket << question.answer
        end

        # A fiber that is waiting for a question.
        def take_fiber = @idle.pop || new_fiber

        # Runs a block of the administrator's, which may go on for so many seconds without waiting.
        def turn(seconds)
          Native.turn_begin(seconds)
          yield
        rescue Exception => e
          Isolation.end_child(e)
          raise
        ensure
          Native.turn_end
          Native.end_child(0)
        end

        # What went wrong in somebody else's code; the message is such code, too.
        def describe(error)
          turn(WORDS_LIMIT) { Locations.describe(error) }
        rescue ConditionOverrun, StandardError, SystemStackError
          "an exception that cannot say what it is"
        end

        # While a fiber waits, or runs code of ours, nobody counts its time.
        def pause
          seconds = Native.turn_end
          yield(seconds)
        ensure
          Native.turn_begin(seconds)
        end

        # On the root fiber, which it comes back to.
        def enter(fiber, *values) = survive(fiber) { fiber.transfer(*values) }

        # How many seconds this fiber may take, nil when nobody counts.
        def limit = Fiber.current_scheduler && pause(&:itself)

        # Raises in a fiber that waits; it may go on waiting.
        def interrupt(fiber, *reason)
          survive(fiber) { fiber.raise(*reason) } if fiber.alive? && !@abandoned.key?(fiber)
        rescue FiberError => e
          Logger.debug("[ruby] a fiber could not be interrupted: #{e.message}")
        end

        # Runs a block of somebody else's that nobody waits for.
        def guard(name)
          yield
        rescue ConditionCancelled, ConditionTimeout
          nil
        rescue Exception => e
          Logger.error("[ruby] #{name}: #{describe(e)}")
        ensure
          Database.release
        end

        private

        def room? = !@idle.empty? || @fibers < (@most_fibers || MOST_FIBERS)

        def new_fiber
          fiber = Fiber.new(blocking: false) do |question|
            while question
              run(question)
              question = next_queued || (rest if @idle.size < IDLE_FIBERS)
            end
          ensure
            ended
          end
          @fibers += 1
          fiber
        end

        def ended
          @fibers -= 1
          @ended += 1
          return if @collecting || @ended < MANY_ENDED || @fibers > MANY_ENDED || !@attached

          @collecting = @scheduler.after(0, method(:collect))
        end

        # On the root fiber, whose stack is small.
        def collect(_events)
          @collecting = nil
          @ended = 0
          GC.start
        end

        # Until there is another question, which is returned.
        def rest
          @idle << Fiber.current
          @root.transfer
        end

        # A question that found no fiber; this one's from now on.
        def next_queued
          while (question = @queue.shift)
            return question if question.adopt(Fiber.current)
          end
        end

        def run(work)
          fiber = Fiber.current
          @works[fiber] = work
          guard("condition") { work.run }
          @works.delete(fiber)
          work.give_up(fiber)
          forget_locals
        end

        def put(question)
          room? ? question.start : @queue << question
          unless question.answered?
            @pending[question.ticket] = question
            question.begin_waiting
          end
          watch_threads
          question.answer
        end

        # At the end of the machine's stack a fiber is gone without a word of it being run, ensure
        # and rescue included; the exception comes out here.
        def survive(fiber)
          yield
        rescue Exception => e
          raise if fiber.alive?

          Native.turn_end
          work = @works.delete(fiber)
          return Logger.error("[ruby] #{describe(e)}") unless work

          @fibers -= 1
          work.give_up(fiber, e)
        end

        # The handler of the turn's timer: runs wherever the main thread is.
        def overdue
          case Native.turn_overdue
          when 0 then nil
          when 1 then raise ConditionOverrun
          else leave_behind(Fiber.current)
          end
        end

        # What rescues even that never gets the processor again.
        def leave_behind(fiber)
          Native.turn_end
          @abandoned[fiber] = true
          @fibers -= 1
          work = @works.delete(fiber)
          @scheduler.after(0, work) if work
          @root.transfer
        end

        # The next question is not to find what a stopper left in Thread.current[].
        def forget_locals
          thread = Thread.current
          keys = thread.keys
          keys.each { |key| thread[key] = nil } unless keys.empty?
        end

        def take_finished
          return if @finished.empty?

          finished = @finished
          @finished = []
          finished
        end

        # The loop sleeps with Ruby's lock in its hands, so other threads get
        # their turns from a timer, as long as there are any.
        def watch_threads
          return if @pump || Thread.list.size == 1

          rest = @busy > BUSY_LIMIT ? @last_turn * BUSY_REST : 0
          @pump = @scheduler.after([@pending.empty? ? PUMP_IDLE : PUMP_BUSY, rest].max, method(:pump))
        end

        def pump(_events)
          @pump = nil
          began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
          Thread.pass
          note_turn(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began)
          @scheduler.run_ready
        end

        # Threads had the processor for so many seconds.
        def note_turn(seconds)
          busy = seconds < BUSY_TURN ? 0.0 : @busy + seconds
          if busy > BUSY_LIMIT && @busy <= BUSY_LIMIT
            Logger.warning("[ruby] threads have computed for #{BUSY_LIMIT} s without waiting: " \
                           "they get a tenth of the time now, and hold up the sessions meanwhile")
          end
          @busy = busy
          @last_turn = seconds
        end
      end
    end
  end
end
