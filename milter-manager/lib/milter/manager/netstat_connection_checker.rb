# frozen_string_literal: true

require "milter/manager/socket_table"

module Milter
  module Manager
    # Is the SMTP client still there?  Looks at the socket table, so it only
    # knows when the MTA runs on this machine.
    class NetstatConnectionChecker
      DEFAULT_INTERVAL = 5 # s
      GONE = ["", "CLOSE_WAIT"].freeze

      attr_reader :table

      def initialize(interval = DEFAULT_INTERVAL)
        @table = SocketTable.new(interval)
      end

      def interval = @table.interval
      def interval=(seconds)
        @table.interval = seconds
      end

      # context: smtp_server_address, smtp_client_address.  True when in doubt.
      def connected?(context)
        return true unless context.smtp_server_address&.local?

        address = context.smtp_client_address
        ip_address = address&.to_ip_address
        return true unless ip_address
        return true.tap { warn_of_port(address) } if address.port.zero?

        rows = @table.find(ip_address, address.port)
        rows.empty? || rows.any? { |row| !GONE.include?(row.state) }
      end

      # The local end of a client's established connection: a SocketTable::Row or
      # nil.  Waits; from conditions only.
      def local_end(address)
        ip_address = address.to_ip_address
        return if ip_address.nil? || address.port.zero?

        @table.find_established(ip_address, address.port)
      end

      private

      def warn_of_port(address)
        Logger.warning("[connection-check] the port of the client #{address.address} is not known " \
                       "to the MTA: taken for connected")
      end

      # manager.netstat_connection_checker and manager.use_netstat_connection_checker
      module Items
        def netstat_connection_checker
          @netstat_connection_checker ||= NetstatConnectionChecker.new
        end

        # Asks the socket table every interval seconds whether the clients are still there.
        def use_netstat_connection_checker(interval = DEFAULT_INTERVAL)
          self.connection_check_interval = interval
          checker = netstat_connection_checker
          checker.interval = connection_check_interval
          define_connection_checker("netstat") { |context| checker.connected?(context) }
        end
      end
    end
  end
end
