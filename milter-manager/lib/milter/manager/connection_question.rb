# frozen_string_literal: true

module Milter
  module Manager
    # What a connection checker sees of a session.
    class ConnectionContext
      def initialize(handle)
        @handle = handle
      end

      # Nobody may use it any longer.
      def expire
        @handle = 0
      end

      # As the MTA said at connect.
      def smtp_client_address = address(Native.client_address(@handle))

      # Where the MTA's milter connection comes from.
      def smtp_server_address = address(Native.server_address(@handle))

      # Value of a macro, nil when the session has none of that name.
      def [](macro) = Context.live(Native.context_macro(@handle, macro.to_s))

      def smtp_server_name = self["v"]

      def inspect = "#<#{self.class} #{@handle}>"

      private

      def address(parts)
        family, port, text = Context.live(parts)
        SocketAddress.from_wire(family, port, text)
      end
    end

    # One question to the connection checkers: true when one of them says that
    # the SMTP client has gone.
    class ConnectionQuestion < Question
      def initialize(ticket, checkers, handle)
        super(ticket, checkers, nil, handle, [])
      end

      private

      def new_context = ConnectionContext.new(@handle)
      def connect? = false
      def consequence = "counts as connected"

      def stopped_by(checker, fiber)
        client = @context.smtp_client_address
        super.tap do |gone|
          Logger.message("#{describe("disconnected", checker)}: #{client} has gone") if gone
        end
      rescue StaleContextError
        false
      end

      def describe(what, checker) = "[connection-check][#{what}] #{checker.name.inspect}"
    end
  end
end
