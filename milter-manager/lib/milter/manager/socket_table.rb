# frozen_string_literal: true

require "ipaddr"

module Milter
  module Manager
    # The kernel's TCP connections, as /proc/net/tcp and /proc/net/tcp6 list
    # them: who is the local end of the connection from a foreign address and
    # port?
    #
    # The text is searched as it is, for the foreign end as the kernel writes
    # it: a busy machine has tens of thousands of lines, of which few are asked for.
    class SocketTable
      PATHS = %w[/proc/net/tcp /proc/net/tcp6].freeze
      # The kernel's numbers from 1, by the names that netstat gives them.
      STATES = %w[ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT
                  LAST_ACK LISTEN CLOSING].freeze
      # Reading may take a twentieth of our time, and nobody waits longer than PATIENCE (s) for it.
      SHARE = 20
      PATIENCE = 0.5

      # One connection: the local end and the state, a name or "".
      Row = Struct.new(:local_address, :local_port, :state)

      attr_accessor :interval

      def initialize(interval, paths = PATHS)
        @interval = interval # s for which a table is good
        @paths = paths
        @texts = []
        @cost = 0
      end

      # The rows of that foreign end, none when there is no table; of a table
      # that may be as old as the interval.
      def find(ip_address, port)
        read if @read_at.nil? || now - @read_at >= @interval
        search(ip_address, port)
      end

      # The same for a connection that exists by now: looked for in a table
      # that is not older, before it counts as missing.  Waits; from conditions only.
      def find_new(ip_address, port)
        asked_at = now
        rows = find(ip_address, port)
        return rows unless rows.empty? && @read_at < asked_at

        pause = @read_at + SHARE * @cost - now
        sleep([pause, PATIENCE].min) if pause.positive?
        read if @read_at < asked_at # nobody else did meanwhile
        search(ip_address, port)
      end

      # An address as the kernel writes it: words of 32 bits, each in the machine's order.
      def self.hexadecimal(ip_address) = ip_address.hton.unpack("L*").map { |word| format("%08X", word) }.join

      # The way back; nil for what is none.  IPv4 in IPv6 is IPv4.
      def self.address(text)
        return unless text.match?(/\A(?:\h{8}|\h{32})\z/)

        IPAddr.new_ntoh(text.scan(/\h{8}/).map(&:hex).pack("L*")).native
      end

      private

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

      def read
        started = now
        @texts = @paths.map do |path|
          File.read(path, encoding: Encoding::BINARY)
        rescue SystemCallError
          ""
        end
        @read_at = now
        @cost = @read_at - started
      end

      # Either kind of socket may be the other end of an IPv4 connection.
      def search(ip_address, port)
        ip_address = ip_address.native
        addresses = ip_address.ipv4? ? [ip_address, ip_address.ipv4_mapped] : [ip_address]
        addresses.flat_map do |address|
          end_point = format("%s:%04X", self.class.hexadecimal(address), port)
          @texts.flat_map { |text| rows_of(text, end_point) }
        end
      end

      def rows_of(text, end_point)
        needle = " #{end_point} "
        rows = []
        at = -1
        while (at = text.index(needle, at + 1))
          row = row_at(text, at, end_point)
          rows << row if row
        end
        rows
      end

      # nil when it is the local end that was found.
      def row_at(text, at, end_point)
        start = (text.rindex("\n", at) || -1) + 1
        _, local, foreign, state = text.byteslice(start, 256).split(" ", 5)
        return unless foreign == end_point && state

        address, _, port = local.rpartition(":")
        address = self.class.address(address)
        Row.new(address.to_s, port.hex, state_name(state)) if address
      end

      def state_name(text) = text.hex.positive? ? STATES[text.hex - 1].to_s : ""
    end
  end
end
