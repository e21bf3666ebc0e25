# frozen_string_literal: true

module Milter
  module Manager
    # What a stopper sees of its session: one child's side of it.  Holds a
    # number, not the session: after the session's end every method raises
    # StaleContextError.
    class Context
      # The number of this side of the session.
      attr_reader :handle

      def initialize(handle)
        @handle = handle
      end

      # Nobody may use it any longer.
      def expire
        @handle = 0
      end

      def name = live(Native.context_name(@handle))

      # Value of a macro, nil when the session has none of that name.
      def [](macro) = live(Native.context_macro(@handle, macro.to_s))

      # For this child only.
      def []=(macro, value)
        live(Native.context_set_macro(@handle, macro.to_s, value.to_s))
      end

      def reject? = verdict == Native::VERDICT_REJECT
      def temporary_failure? = verdict == Native::VERDICT_TEMPORARY_FAILURE
      def accept? = verdict == Native::VERDICT_ACCEPT
      def discard? = verdict == Native::VERDICT_DISCARD
      def quitted? = (status & Native::QUITTED) != 0

      def children = Children.new(@handle)

      def postfix? = /\bPostfix\b/i.match?(self["v"].to_s)
      def authenticated? = !(self["auth_type"] || self["auth_authen"]).nil?

      def n_processing_sessions = Native.processing_sessions
      def mail_transaction_shelf = Shelf.new(@handle)

      def inspect = "#<#{self.class} #{@handle}>"

      def respond_to_missing?(*) = false

      def method_missing(name, *)
        raise NoMethodError, Context.unknown(name)
      end

      # What to say of a member that is none.
      def self.unknown(name)
        member = name.to_s.delete_suffix("=")
        close = Spelling.closest(member, public_instance_methods(false) - %i[method_missing inspect expire])
        "unknown context member: context.#{member}" \
          "#{close ? Spelling.hint("context.#{close}") : "; milter-manager.conf(5) lists them"}"
      end
      # Is that session still there?
      def self.live?(handle) = Native.context_name(handle) != false

      # Raises when the C side said that the handle is stale.
      def self.live(result)
        raise StaleContextError, "the session of this context is over" if result == false

        result
      end

      private

      def live(result) = Context.live(result)
      def status = live(Native.context_status(@handle))
      def verdict = status & ~Native::QUITTED

      # context.children
      class Children
        include Enumerable

        def initialize(handle)
          @handle = handle
        end

        # nil when the session has no child of that name.
        def [](name)
          other = Context.live(Native.context_child(@handle, name.to_s))
          other && Context.new(other)
        end

        def names
          (0..).lazy.map { |index| Context.live(Native.context_child_name(@handle, index)) }
               .take_while(&:itself).to_a
        end

        def each
          return enum_for(:each) unless block_given?

          names.each { |name| yield(self[name]) }
        end
      end

      # context.mail_transaction_shelf: any plain data under string keys, for one message.
      class Shelf
        include Enumerable

        def initialize(handle)
          @handle = handle
        end

        def [](key)
          restore(Context.live(Native.context_shelf_get(@handle, key.to_s)))
        end

        def []=(key, value)
          Context.live(Native.context_shelf_set(@handle, key.to_s, Marshal.dump(value)))
        end

        def each
          return enum_for(:each) unless block_given?

          index = 0
          while (entry = Context.live(Native.context_shelf_entry(@handle, index)))
            yield(entry[0], restore(entry[1]))
            index += 1
          end
          self
        end

        private

        def restore(bytes) = bytes && Marshal.load(bytes)
      end
    end
  end
end
