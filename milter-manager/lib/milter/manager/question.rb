# frozen_string_literal: true

module Milter
  module Manager
    # One question to the conditions of a child: runs their stoppers of one
    # stage in a fiber until one says true.
    class Question
      attr_reader :ticket, :answer

      def initialize(ticket, conditions, stage, handle, arguments)
        @ticket = ticket
        @conditions = conditions
        @stage = stage
        @handle = handle
        @context = new_context
        @arguments = connect? ? connect_arguments(*arguments) : arguments
        @position = 0
        @waits = false
      end

      # Runs until the answer is there or the fiber waits; on the root fiber.
      def start
        @fiber = Engine.take_fiber
        Engine.enter(@fiber, self)
      end

      # It waited for a fiber; false when its answer is not wanted any more.
      def adopt(fiber)
        @fiber = fiber unless answered? || @cancelled
      end

      def answered? = !@answer.nil?

      # The answer will come later: from now on time counts.
      def begin_waiting
        @waits = true
        watch_time
      end

      # In the fiber: asks one condition after the other.
      def run
        fiber = Fiber.current
        while @fiber.equal?(fiber)
          condition = @conditions[@position]
          stop = condition ? stopped_by(condition, fiber) : false
          proceed(stop, condition.nil?) if @fiber.equal?(fiber)
        end
      end

      # The fiber ends or could not begin: there is an answer in any case.
      def give_up(fiber, error = nil)
        return unless @fiber.equal?(fiber)

        condition = @conditions[@position]
        report(error, condition) if error && condition
        proceed(false, true)
      end

      # The answer is not wanted any more.
      def cancel
        @cancelled = true
        leave(ConditionCancelled)
      end

      # The time of the condition is over, or its fiber was left behind.
      def call(_events)
        position = @position
        warn_of_deadline(@conditions[position])
        fiber = @fiber
        return proceed(false, true) unless fiber # it never had its turn

        Engine.interrupt(fiber, ConditionTimeout)
        return if answered? || @position != position

        # It does not want to end: leave it behind and go on without it.
        @context.expire
        @context = new_context
        proceed(false, false)
        @fiber = nil
        restart
      end

      private

      def new_context = Context.new(@handle)
      def connect? = @stage.zero?
      def consequence = "counts as false"

      def restart
        start
      rescue FiberError => e
        Logger.error("[condition][error] #{e.message}")
        give_up(@fiber)
      end

      def connect_arguments(host, family, port, address)
        [host, SocketAddress.from_wire(family, port, address)]
      end

      # The number of the stopper, or false.
      def stopped_by(condition, fiber)
        answer = Engine.turn(condition.timeout) { condition.stopped_by(@stage, @context, @arguments) }
        if @fiber.equal?(fiber)
          remark(answer ? Native::CONDITION_STOPPED : Native::CONDITION_PASSED, condition, answer)
        end
        answer
      rescue ConditionOverrun => e
        warn_of_overrun(e, condition)
        false
      rescue ConditionTimeout
        false
      rescue Exception => e
        raise if e.is_a?(ConditionCancelled)

        report(e, condition) if @fiber.equal?(fiber)
        false
      end

      def proceed(stop, last)
        Engine.scheduler.forget(@deadline)
        @deadline = nil
        if stop || last
          @fiber = nil
          @answer = stop
          Engine.finished(self) if @waits
        else
          @position += 1
          watch_time if @waits
        end
      end

      def watch_time
        timeout = @conditions[@position]&.timeout
        @deadline = timeout && Engine.scheduler.after(timeout, self)
      end

      def leave(reason)
        Engine.scheduler.forget(@deadline)
        fiber = @fiber
        @fiber = @deadline = nil
        Engine.interrupt(fiber, reason) if fiber
        @context.expire
      end

      def warn_of_deadline(condition)
        text = "no answer within #{condition.timeout} s"
        remark(Native::CONDITION_TIMED_OUT, condition, false, text)
        Logger.warning("#{describe("timeout", condition)}: #{text}: #{consequence}")
      end

      def warn_of_overrun(error, condition)
        text = "it ran for #{condition.timeout} s without waiting and was interrupted"
        remark(Native::CONDITION_TIMED_OUT, condition, false, "#{Locations.of(error).first}: #{text}")
        Logger.warning("#{describe("timeout", condition)}: #{Locations.of(error).first}: #{text}: #{consequence}")
      end

      def report(error, condition)
        text = Engine.describe(error)
        remark(Native::CONDITION_RAISED, condition, false, text)
        Logger.error("#{describe("error", condition)}: #{text}")
      end

      # For whoever explains what happens to a mail.
      def remark(outcome, condition, answer, text = nil)
        return unless Engine.observed

        Native.remark(@handle, @stage, condition.name, outcome, answer, text)
      end

      def describe(what, condition)
        stage = ApplicableCondition::STAGES[@stage].to_s.tr("_", "-")
        "[condition][#{what}][#{stage}] #{condition.name.inspect} for #{asked_about}"
      end

      def asked_about
        name = child_name
        name == ConditionList::RECORDING ? name : "milter #{name.inspect}"
      end

      def child_name
        @context.name
      rescue StaleContextError
        nil
      end
    end
  end
end
