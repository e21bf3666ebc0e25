# frozen_string_literal: true

module Milter
  module Manager
    # What code of the administrator may not do to the process it runs in.
    #
    # The manager's process goes on whatever a condition or hook does; a process
    # that such code forks runs what stands behind the fork, and ends.
    module Isolation
      # The manager itself handles or ignores these, or Ruby needs them to wait for programs.
      SIGNALS = %w[TERM INT HUP USR1 ALRM PIPE XFSZ CHLD CLD].freeze

      SYSTEM_TRAP = Signal.method(:trap)
      SYSTEM_FORK = Process.method(:_fork)
      private_constant :SYSTEM_TRAP, :SYSTEM_FORK

      class << self
        # Once, before any file is loaded.
        def install
          Process.singleton_class.prepend(Forking, Ending, Daemonizing)
          Kernel.singleton_class.prepend(Ending, Trapping)
          Kernel.prepend(as_functions(Ending), as_functions(Trapping))
          Signal.singleton_class.prepend(Trapping)
          Fiber.singleton_class.prepend(Scheduling)
          Thread.prepend(ThreadMethods)
          Thread.singleton_class.prepend(ThreadFunctions)
        end

        # Kernel's functions are private: objects may have methods of these names.
        def as_functions(words)
          words.clone.tap { |copy| copy.send(:private, *copy.instance_methods(false)) }
        end

        # The signal of the turn's timer.
        def on_overdue(&block) = SYSTEM_TRAP.call("ALRM", &block)

        # The program's own fork.
        def fork_process = SYSTEM_FORK.call

        # Raises where the word would harm the manager.
        def refuse(word, instead)
          raise NotAllowed, "#{word} would harm milter-manager: refused; #{instead}" unless Native.in_child?
        end

        # In a forked process the error of its code is told, and the process ends; else nothing.
        def end_child(error)
          return unless Native.in_child?

          status = error.is_a?(SystemExit) ? error.status : 1
          Logger.error("[ruby] forked process: #{Locations.describe(error)}") unless error.is_a?(SystemExit)
          Native.end_child(status)
        end

        # A thread that exits ends itself alone.
        def contained(block)
          return block unless block

          lambda do |*arguments|
            block.call(*arguments)
          rescue SystemExit => e
            Logger.error("[ruby] thread: #{Locations.describe(e)}")
          end
        end
      end

      # Every way to fork comes through here: fork, Process.fork, IO.popen("-").
      module Forking
        def _fork
          Native.fork_begin
          pid = super
          if pid.zero?
            Native.fork_child
            Engine.forget_loop
          end
          pid
        ensure
          Native.fork_end
        end
      end

      module Ending
        def exit!(*)
          Isolation.refuse("exit!", "use return")
          super
        end

        def exec(*, **)
          Isolation.refuse("exec", "use system or spawn")
          super
        end
      end

      module Daemonizing
        def daemon(*)
          Isolation.refuse("Process.daemon", "use spawn")
          super
        end
      end

      module Trapping
        def trap(signal, *)
          name = signal.is_a?(Integer) ? Signal.signame(signal) : signal.to_s.delete_prefix("SIG")
          Isolation.refuse("trap(#{name.inspect})", "the signal has a meaning") if SIGNALS.include?(name)
          super
        end
      end

      module Scheduling
        def set_scheduler(scheduler)
          unless scheduler.nil? ? Native.in_child? : scheduler.is_a?(Scheduler)
            Isolation.refuse("Fiber.set_scheduler", "there is one already") if Thread.current == Thread.main
          end
          super
        end
      end

      module ThreadMethods
        def initialize(*arguments, &block) = super(*arguments, &Isolation.contained(block))

        def raise(*)
          if equal?(Thread.main) && !equal?(Thread.current)
            Isolation.refuse("Thread.main.raise", "raise in the thread itself")
          end
          super
        end

        def abort_on_exception=(value)
          Isolation.refuse("abort_on_exception", "rescue in the thread") if value
          super
        end
      end

      module ThreadFunctions
        def start(*arguments, &block) = super(*arguments, &Isolation.contained(block))
        def fork(*arguments, &block) = super(*arguments, &Isolation.contained(block))

        def abort_on_exception=(value)
          Isolation.refuse("abort_on_exception", "rescue in the thread") if value
          super
        end
      end
    end
  end
end
